# packages: coreutils dash findutils grep sed gawk tar gzip xz-utils diffutils
# memory: 256M
# The everyday packages, each by what it does with files, pipes and attributes.
set -eu
umask 022
mkdir /tmp/t
cd /tmp/t

echo "## coreutils: files and attributes"
seq 1 2000 >numbers
head -c 100000 /dev/zero | tr '\0' 'z' >zeds
cp -p numbers copy
ln numbers hard
ln -s numbers soft
ln -s nowhere dangling
mkdir -p a/b/c d
mkfifo fifo
touch -d '2020-02-03 04:05:06.123456789 UTC' a/old
chmod 4755 copy
chmod 1777 d
chown 12:34 zeds
truncate -s 10M sparse
stat -c '%n %F %a %u:%g %s %h' numbers copy soft dangling a d fifo zeds sparse
stat -c '%y' a/old
stat -L -c '%n %F %s' soft
readlink soft; readlink -f soft; realpath -m x/../numbers
ls -lA --time-style=+%Y a
cp -a a a2 && ls -R a2
cp --sparse=always sparse sparse2 && cmp sparse sparse2
mv a2 d/moved
ls d
rm -r d/moved
rmdir a/b/c
rmdir a 2>&1 || echo "status $?"
rm nosuch 2>&1 || echo "status $?"
cat a 2>&1 || echo "status $?"
mkdir a 2>&1 || echo "status $?"
cp numbers numbers 2>&1 || echo "status $?"
install -m 640 -o 5 -g 6 numbers installed && stat -c '%a %u %g' installed
dd if=numbers bs=100 skip=3 count=2 status=none | wc -c
dd if=/dev/zero of=holes bs=1 count=1 seek=100000 status=none && stat -c %s holes
shred -u -n 1 installed && ls installed 2>&1 || echo "status $?"
mktemp -d ./tmp.XXXXXX | wc -c
test numbers -ef hard && test copy -nt a/old && test -u copy && test -k d && echo tests
df --output=target / | tail -n 1
du -s --apparent-size -b numbers zeds
rmdir tmp.*
sync numbers && echo synced
nproc | grep -c .
id -u; id -un; groups
timeout 0.2 sleep 10 || echo "timeout: $?"
timeout -s KILL 0.2 sleep 10 || echo "timeout: $?"
nice -n 5 nice
env -i A=1 sh -c 'echo $A $B'
nohup sh -c 'echo nohup' 2>/dev/null
(echo one; echo two) | tee tee1 tee2 | wc -l; cmp tee1 tee2
mkfifo pipe; (echo through >pipe &); cat pipe
stdbuf -oL echo stdbuf
kill -l 9
sh -c 'kill -TERM $$' || echo "status $?"

echo "## coreutils: text"
sort -rn numbers | head -n 3
sort -R --random-source=zeds numbers | sort -n | cmp - numbers
sort -S 16K -T . --parallel=2 -k1,1r numbers | sha256sum
shuf --random-source=zeds -i 1-10 | sha256sum
seq 100 | paste - - - - - | tail -n 1
seq 20 | split -l 5 - part. && cat part.* | md5sum
csplit -s -f cs. numbers 100 '{3}' && wc -l cs.* | tail -n 1
printf 'b 1\na 2\n' | sort >j1; printf 'a x\nb y\n' >j2; join j1 j2
comm -12 j1 j1 | wc -l
printf 'x\nx\ny\n' | uniq -c
cut -d1 -f2 numbers | sort | uniq | wc -l
tr 0-9 a-j <numbers | tail -n 1
fold -w 7 zeds | tail -n 1; fmt -w 30 </script.sh | wc -l; nl numbers | tail -n 1; tac numbers | head -n 1
expand -t 4 /script.sh | sha256sum; od -An -tx1 -N 16 numbers; base64 -w 20 numbers | head -n 2; cksum numbers; b2sum numbers
(for n in 1 2 3; do echo $n; done) | (read a; cat; echo "$a")
tail -n +1999 numbers; tail -c 10 numbers; head -n -1998 numbers
tail -f --pid=$$ numbers >followed & follower=$!
echo appended >>numbers
while ! grep -q appended followed; do :; done
kill $follower; wait $follower || echo "tail: $?"
yes | head -n 100000 | wc -l
factor 1234567890; expr 6 '*' 7; date -u -d @0 +%FT%TZ; numfmt --to=iec 123456789

echo "## findutils"
find . -name 'part.*' -printf '%f %s %m\n' | sort
find a d -type d | sort
find . -newer a/old -size +50k -type f | sort
find . -maxdepth 1 -type l -exec readlink {} + | sort
find . -maxdepth 1 -type f -links 2 -print0 | sort -z | xargs -0 -n 1 echo
find . -perm -4000; find . -uid 12; find . -xtype l; find . -empty -type f | wc -l
seq 1000 | xargs -P 4 -n 100 sh -c 'echo $#' sh | sort | uniq -c
seq 5 | xargs -I{} sh -c 'exit 255' 2>&1 || echo "status $?"
find . -name 'cs.*' -delete; find . -name 'cs.*' | wc -l
find /nosuch 2>&1 || echo "status $?"

echo "## grep, sed, gawk"
grep -c 7 numbers; grep -rl appended . | sort; grep -n '^19[0-9]*9$' numbers | tail -n 2; grep -E -o '(12)+' numbers | sort | uniq -c
grep -q nothing numbers || echo "status $?"; grep x /nosuch 2>&1 || echo "status $?"; grep -z z zeds | wc -c; grep -a -b -o 55 numbers | head -n 2
sed -i.bak 's/^1$/first/;$d' numbers; head -n 1 numbers; cmp numbers numbers.bak 2>&1 || echo "status $?"
sed -n '5,7{p;s/$/!/w written
}' numbers; cat written
sed -e ':a;N;$!ba;s/\n/+/g' tee1
gawk '{ s += $1; c[length($1)]++ } END { print s; for (l in c) print l, c[l] | "sort"; close("sort"); "date -u -d @86400 +%d" | getline d; print d; print strftime("%F", 0, 1) }' numbers
gawk 'BEGIN { while (("seq 3" | getline x) > 0) print "from", x; print "co" |& "cat"; close("cat", "to"); "cat" |& getline y; print y; exit 4 }' || echo "status $?"
gawk 'BEGIN { printf "%s %d %.3f\n", ENVIRON["TZ"], (PROCINFO["pid"] > 0), atan2(0, -1); system("exit 3") }'

echo "## tar, gzip, xz"
tar --sort=name --mtime=@0 -cf all.tar a d numbers copy hard soft dangling zeds sparse2 fifo
tar -tvf all.tar --numeric-owner
sha256sum all.tar
mkdir out; tar -xpf all.tar -C out
stat -c '%n %F %a %u:%g %s %h' out/* | sort
cmp out/numbers numbers; cmp out/sparse2 sparse2
tar -czf all.tgz numbers zeds; tar -tzf all.tgz; tar -cJf all.txz numbers zeds; tar -xJOf all.txz numbers | cmp - numbers
tar -cf - zeds | tar -xf - -C out && cmp out/zeds zeds
tar -rf all.tar tee1; tar -tf all.tar | tail -n 1; tar -df all.tar tee1
tar -xf all.tar nosuch 2>&1 || echo "status $?"
gzip -kn9 numbers; sha256sum numbers.gz; zcat numbers.gz | cmp - numbers; gzip -t numbers.gz; gzip -l numbers.gz
gzip numbers.gz 2>&1 || echo "status $?"
head -c 1000 numbers.gz >cut.gz; gzip -dc cut.gz 2>&1 >cut || echo "status $?"
xz -k -T2 zeds; xz -l --robot zeds.xz | tail -n 1; xz -dc zeds.xz | cmp - zeds; rm zeds.xz; xz -6 --check=sha256 -c numbers | sha256sum
echo damaged | xz -dc 2>&1 || echo "status $?"
ls -A | sort
echo end
