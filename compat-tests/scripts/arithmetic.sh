# Arithmetic expansion.
echo $((1 + 2 * 3)) $(((1 + 2) * 3)) $((7 / 2)) $((-7 / 2)) $((-7 % 3)) $((1 << 10)) $((0x1f)) $((010)) $((~0)) $((5 & 3 | 8 ^ 1))
x=5
echo $((x += 3)) $x $((x == 8 ? 1 : 2)) $((x > 3 && x < 9)) $((!x))
i=0
while [ $i -lt 5 ]; do
    i=$((i + 1))
    printf '%d ' $((i * i * i))
done
echo
echo $((9223372036854775807 + 0)) $((9223372036854775807 + 1))
(echo $((1 / 0))) 2>/dev/null
echo "status $?"
f() { if [ $1 -le 1 ]; then echo 1; else echo $(($1 * $(f $(($1 - 1))))); fi; }
f 10
