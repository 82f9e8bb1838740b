# Files, links, permissions, archives and compression.
rm -rf /tmp/w; mkdir /tmp/w; cd /tmp/w; umask 022
echo data > a; cp a b; mv b c; ln a h; ln -s a s; stat -c '%n %F %a %h %s' a c h s; readlink s; readlink -f s; [ a -ef h ] && echo linked
chmod 640 c; stat -c %a c; chmod u+x,g-r,o=r c; stat -c %A c; chown 1000:1000 c; stat -c '%u %g' c
mkdir -m 1777 sticky; stat -c %A sticky; install -m 600 a inst; stat -c %a inst; touch -d '2020-02-02 02:02:02 UTC' a; stat -c %Y a; date -u -r a +%FT%T
dd if=/dev/zero of=zeros bs=1k count=100 2>/dev/null; stat -c %s zeros; truncate -s 1M sparse; stat -c %s sparse; truncate -s 10 zeros; wc -c < zeros
mkdir -p tree/x/y; for i in 1 2 3; do seq $i 100 > tree/x/$i; ln -s ../x/$i tree/x/y/$i; done; chmod 700 tree/x
tar cf t.tar --sort=name tree; tar tf t.tar; mkdir un; tar xf t.tar -C un; diff -r tree un/tree && echo equal; stat -c %a un/tree/x
tar czf t.tgz tree; tar tzf t.tgz | wc -l; tar cJf t.txz tree; tar xJOf t.txz tree/x/1 | tail -1
seq 1 5000 > big; gzip -k big; gzip -l big.gz | awk 'NR == 2 { print $2 }'; gunzip -c big.gz | cmp - big && echo gzip; zcat big.gz | tail -1
xz -k big; xz -dc big.xz | cmp - big && echo xz; xz -t big.xz && echo tested; echo broken | gunzip 2>/dev/null; echo $?
cp -a tree copy; diff -r tree copy && echo copied; rm -r copy; ls copy 2>/dev/null; echo $?; du -s --apparent-size -b big | cut -f1
ls -l a | cut -c1-10; ls tree/x; ls -R tree | head -5; ls -F; mktemp -u XXXXXX | wc -c; mv tree/x/1 tree/x/one; ls tree/x | head -3; rmdir tree 2>/dev/null; echo $?; rm -rf tree; ls -A | wc -l
flock a echo locked; (flock -n 9 && echo first; flock -n a echo second; echo $?) 9< a; cat nothere 2>&1; ls nothere 2>&1; cd nothere 2>/dev/null; echo $?; mkdir a 2>&1; rm un 2>&1; ln -s loop loop; cat loop 2>&1; sync; echo $?
