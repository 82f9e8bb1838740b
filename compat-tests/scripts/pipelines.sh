# Pipelines, statuses, subshells, command substitution.
seq 1 1000 | awk '{ s += $1 } END { print s }'
printf 'b\na\nc\na\n' | sort | uniq -c | sed 's/^ *//'
false | true; echo "last wins: $?"
true | false; echo "last wins: $?"
! false; echo "negated: $?"
seq 1 100000 | head -3
yes | head -2 | tr y n
(exit 7); echo "subshell: $?"
x=outer; (x=inner; echo $x); echo $x
echo "$(echo a; echo; echo b; echo; echo)"
echo "nested: $(echo $(echo $(echo deep)))"
v=$(exit 3); echo "substitution status $?"
{ echo one; echo two >&2; } 2>&1 | sort
a=$(cat <<E
line 1
line 2
E
)
echo "$a" | wc -l | tr -d ' '
: | cat | cat | cat | wc -c | tr -d ' '
head -c 1000000 /dev/zero | tr '\0' x | cksum
n=0
seq 1 10 | while read k; do n=$((n + k)); [ $k = 10 ] && echo "sum $n"; done
