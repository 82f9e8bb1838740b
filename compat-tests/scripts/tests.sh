# test and [.
cd /tmp; rm -rf t; mkdir t; cd t
echo x > file; ln -s file link; ln -s none dangling; mkdir dir; mkfifo fifo; ln file hard; : > empty; chmod 000 empty; chmod 755 file; chmod u+s hard
for e in '-e file' '-f file' '-d dir' '-L link' '-h link' '-L file' '-e dangling' '-p fifo' '-s file' '-s empty' '-r file' '-x file' '-x dir' '-u hard' '-g hard' \
    '-c /dev/null' '-b /dev/null' '-S fifo' '-t 0' '-z x' '-n x' 'a = a' 'a = b' 'a != b' '1 -eq 1' '1 -lt 2' '2 -ge 3' '-5 -lt 3' \
    'file -ef hard' 'file -ef link' '! -e none' '-e file -a -d dir' '-e none -o -d dir' '( a = a )' '-d' '= = ='; do
    [ $e ]; echo "$e: $?"
done
touch -d 2001-01-01 old; touch -d 2002-01-01 new
[ new -nt old ] && echo newer; [ old -ot new ] && echo older
[ a -eq 1 ] 2>/dev/null; echo "not a number: $?"
[ ]; echo $?; [ '' ]; echo $?; [ x ]; echo $?
test 3 -gt 2 && echo gt
