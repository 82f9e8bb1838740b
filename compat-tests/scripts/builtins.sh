# printf, read, set, shift, getopts, case, eval, IFS.
printf '%s|%5d|%-5s|%05.1f|%x|%c|%%|%b\n' str 42 ab 3.14159 255 char 'a\tb'
printf '%d\n' 0x10 010 "'A"
printf '%s %s\n' a b c d
printf '\101\n'
printf '%.3s|%10.2s|\n' abcdef xyz
printf '%d\n' notanumber 2>/dev/null; echo $?
echo 'a b  c' | { read x y; echo "[$x][$y]"; }
echo 'a:b:c' | { IFS=: read x y z; echo "[$x][$y][$z]"; }
printf 'a\\\nb\n' | { read x; echo "[$x]"; }
printf 'a\\tb\n' | { read -r x; echo "[$x]"; }
printf 'no newline' | { read x; echo "$? [$x]"; }
set -- one 'two words' three; echo $#; for a; do echo "<$a>"; done; shift; echo "$1"; shift 2; echo $#
set -- -a -b val -c rest
while getopts ab:c o; do echo "opt $o ${OPTARG-none}"; done; shift $((OPTIND - 1)); echo "$1"
for w in foo.c bar.h baz '*' 'a b'; do case $w in *.c) echo C;; *.[hi]) echo H;; \*) echo star;; *' '*) echo blank;; *) echo other;; esac; done
v='echo evaluated $((2 + 2))'; eval "$v"
IFS=,; set -- $(echo a,b,,c); echo $#; unset IFS
x=abcabc; echo ${#x} ${x#a*c} ${x##a*c} ${x%b*c} ${x%%b*c} ${y-default} ${y:=assigned} $y ${x:+set} ${z+unset}
(echo ${nothing:?message}) 2>/dev/null; echo $?
alias hi='echo alias'; type cd | head -1
umask 027; umask; umask u=rwx,g=,o=; umask
cd /usr/bin; pwd; cd ..; pwd; cd - ; cd /bin; pwd -P
command -v printf; command echo via command
times > /dev/null; echo $?
readonly r=1; (r=2) 2>/dev/null; echo $?
unset nosuch; echo $?
hash -r; echo $?
true && echo and || echo or; false && echo and || echo or
if false; then echo 1; elif true; then echo 2; else echo 3; fi
until [ ${n:=0} -ge 3 ]; do n=$((n + 1)); [ $n = 2 ] && continue; echo $n; done
for i in 1 2 3; do for j in 1 2 3; do [ $j = 2 ] && continue 2; [ $i = 3 ] && break 2; echo $i$j; done; done
f() { local v=in; echo $v; return 5; }; v=out; f; echo $? $v
