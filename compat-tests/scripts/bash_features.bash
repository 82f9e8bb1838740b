# What bash has beyond POSIX.
set -o pipefail; false | true; echo "pipefail $?"; true | (exit 3) | true; echo "pipefail $? ${PIPESTATUS[*]}"; set +o pipefail
cat <(echo process substitution) <(echo twice); diff <(printf 'a\nb\n') <(printf 'a\nc\n'); echo out > >(cat); wait $!; tee >(wc -c > /tmp/count) <<< text; wait $!; while [ ! -s /tmp/count ]; do :; done; cat /tmp/count
a=(one 'two words' three); echo ${#a[@]} "${a[1]}" "${!a[@]}" "${a[@]:1:1}"; a+=(four); for x in "${a[@]}"; do echo "<$x>"; done; unset 'a[0]'; echo "${!a[*]}"
declare -A m=([x]=1 [y]=2); m[z]=3; for k in x y z; do echo "$k=${m[$k]}"; done; echo ${#m[@]}
[[ abc == a* && abc =~ ^(a)(b) ]] && echo "${BASH_REMATCH[1]}${BASH_REMATCH[2]}"; [[ 10 -gt 9 ]] && echo number; [[ b > a ]] && echo text
s=HelloWorld; echo ${s,,} ${s^^} ${s:5} ${s:0:5} ${s/o/0} ${s//o/0} ${s: -3} ${s@Q}
for ((i = 0; i < 5; i++)); do ((i == 2)) && continue; echo -n "$i "; done; echo; echo {1..5} {a..e} {1..10..3} x{a,b}y
read -r a b <<< "here string"; echo "$b $a"; mapfile -t lines < <(seq 3); echo ${lines[2]}; IFS=, read -ra parts <<< a,b,c; echo ${#parts[@]}; read -n 2 two <<< abc; echo $two; read -d : p <<< one:two; echo $p; read -t 0.05 nothing < <(sleep 1); echo $((($? > 128)))
exec {fd}> /tmp/high; echo "high" >&$fd; exec {fd}>&-; cat /tmp/high; exec 200> /tmp/h200; echo 200 >&200; exec 200>&-; cat /tmp/h200; echo both &> /tmp/b; cat /tmp/b; echo more &>> /tmp/b; wc -l < /tmp/b; echo x |& cat
coproc up { while read l; do echo "${l^^}"; done; }; echo hello >&${up[1]}; read r <&${up[0]}; echo $r; eval "exec ${up[1]}>&-"; wait $up_PID; echo "coproc $?"
f() { echo "${FUNCNAME[0]} $# $*"; }; f 1 2; g() { local -n ref=$1; ref=changed; }; v=x; g v; echo $v; printf -v out '%03d' 7; echo $out; printf '%q\n' 'a b'; printf '%(%F)T\n' 0; echo $'tab\there' $'\x41\u00e9' | od -c | head -1
trap 'echo ERR line' ERR; false; trap - ERR; trap 'echo D' DEBUG; :; trap - DEBUG; set -u; (echo $unset_variable) 2>/dev/null; echo $?; set +u; (set -e; false; echo no); echo $?
shopt -s nullglob extglob globstar dotglob; cd /usr/share/terminfo; echo nomatch*; cd /tmp; mkdir -p gs/a/b; touch gs/x.c gs/a/y.c gs/a/b/z.h; echo gs/**/*.c; echo gs/!(x.c); shopt -u nullglob
sleep 100 & disown $!; kill $!; (sleep 0.05; exit 6) & wait -n; echo "wait -n $?"; { sleep 100 & }; jobs -p | wc -l; kill $(jobs -p); wait; let 'z = 3 ** 4'; echo $z $((2**10)) $((16#ff)) $((1,2)); select w in p q; do echo "chose $w"; break; done <<< 2 2>/dev/null; time -p : 2>/dev/null; echo $BASHPID | grep -q '[0-9]' && echo pid; echo ${BASH_VERSINFO[0]}; ( kill -INT $BASHPID; echo no ); echo $?; enable -n echo; type -t echo; enable echo; type -t echo; compgen -b | grep -c '^cd$'; hash -p /bin/true mytrue; mytrue; echo $?; caller; echo ${!BASH_VERS*} | wc -w; pushd /usr > /dev/null; dirs; popd > /dev/null; help : | head -1
