# As a configure script does: several hundred small commands.
cd /tmp; n=0; : > log
check() { n=$((n + 1)); if "$@" >> log 2>&1; then echo yes; else echo no; fi; }
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    check test -d /usr/bin; check grep -q root /etc/passwd; check sh -c "exit $((i % 2))"; check expr $i % 3; check sed -n "${i}p" /etc/passwd
    v=$(echo "conf $i" | sed 's/conf/set/'); check test "$v" = "set $i"; rm -f c.$i; echo "#define X $i" > c.$i; check awk '/X/ { exit $3 != '$i' }' c.$i; check cmp -s c.$i c.1
done | sort | uniq -c | sed 's/^ *//'
cat c.* | cksum
