# Redirections, duplicated and closed descriptors.
cd /tmp
echo one > f; echo two >> f; cat < f
cat nothing 2> err; echo $?; wc -l < err | tr -d ' '
exec 3> out; echo to three >&3; exec 3>&-; cat out
(echo x >&3) 2>/dev/null; echo "closed: $?"
exec 4<> rw; echo read-write >&4; exec 4>&-; cat rw
exec 5< f; read a <&5; read b <&5; echo "$a-$b"; exec 5<&-
{ echo out; echo err >&2; } > both 2>&1; cat both
{ echo out; echo err >&2; } 2>&1 > half | cat; cat half
set -C; (echo no > f) 2>/dev/null; echo "noclobber $?"; echo yes >| f; set +C; cat f
: > empty; [ -s empty ] || echo empty
echo text > "a name with blanks"; cat "a name with blanks"
cat < f > g; cmp f g && echo same
exec 6>&1; exec > captured; echo hidden; exec 1>&6 6>&-; cat captured
for i in 1 2 3; do echo $i; done > loop; cat loop
while read x; do echo "got $x"; done < loop
echo abc | { read v; echo "$v"; }
(exec 7<f; cat <&7)
ls /proc/self/fd 2>/dev/null | tr '\n' ' '; echo
echo gone > /dev/null; echo x 2>&- ; echo y >&2 2>/dev/null
rm -f nothing; echo $?
