# grep, sed, awk, sort, cut, tr, join, paste and the like.
cd /tmp
printf 'alice 30 paris\nbob 25 rome\ncarol 35 oslo\ndave 25 rome\n' > people
grep -n bob people; grep -c rome people; grep -v rome people; grep -E '^(a|d)' people; grep -o '[0-9]*' people; grep -q nobody people; echo $?
grep -w 25 people | wc -l | tr -d ' '; echo -e 2>/dev/null | cat > /dev/null
sed -n '2,3p' people; sed 's/\([a-z]*\) \([0-9]*\)/\2 \1/' people; sed '/rome/d' people; sed -e '1i\
first' -e '$a\
last' people; sed = people | sed 'N;s/\n/\t/'; sed -n '/bob/,/carol/p' people; sed 'y/abc/ABC/' people | head -1
sed -i 's/paris/lyon/' people; head -1 people
awk '{ print NR, $1, NF }' people; awk '$2 > 26 { s += $2 } END { print s, s / NR }' people; awk -F' ' '{ a[$3]++ } END { for (k in a) print k, a[k] }' people | sort
awk 'BEGIN { printf "%.3f %s %d\n", 3.14159, substr("hello", 2, 3), length("abc"); print toupper("x"), index("abc", "c"), sprintf("%03d", 7); exit 3 }'; echo $?
awk 'BEGIN { while (("echo a; echo b" | getline l) > 0) print "read " l; print "out" | "cat"; close("cat"); system("echo system") }'
sort -k2n -k1r people; sort -u -k3,3 people; sort -t' ' -k3 people | cut -d' ' -f1,3; cut -c1-3 people
tr a-z A-Z < people | head -1; tr -d '0-9 ' < people | head -2; tr -s e < people | tail -1; echo 'aXbXc' | tr X '\n'
paste people people | head -1; paste -s -d, people; nl people; tac people; rev people 2>/dev/null | head -1
sort people > s1; printf 'alice x\nbob y\n' > s2; join s1 s2; comm -12 s1 s1 | wc -l | tr -d ' '; diff people s1 && echo same; printf 'a\nb\nc\n' > d1; printf 'a\nX\nc\nd\n' > d2; diff d1 d2; diff -u d1 d2 | tail -n +3; cmp d1 d2
fold -w 10 people | head -3; fmt -w 20 people; expand -t 4 people | head -1; od -An -tx1 people | head -2; wc people; md5sum people; sha256sum < people; cksum people
split -l 2 people part; cat partaa; csplit -s people 3; cat xx01; uniq -d -f1 people; shuf -i 1-5 | sort | tr '\n' ' '; echo; seq -s, 1 2 9; factor 360; expr 3 + 4; expr abc : 'a\(.\)'; basename /a/b.c .c; dirname /a/b/c; date -u -d @86400 +%F; printf '3\n1\n2\n' | sort -n | tail -1; numfmt --to=iec 1048576; base64 people | head -1; tsort <<E
a b
b c
E
