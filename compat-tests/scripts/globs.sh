# Path name expansion and quoting.
rm -rf /tmp/g; mkdir /tmp/g; cd /tmp/g
touch a b ab abc .hidden 'x y' '[z]' 1 2 10 A B; mkdir d d/e; touch d/f d/e/g
echo *; echo ?; echo [ab]*; echo [!a]*; echo .*; echo */*; echo d/*/*; echo nomatch*; echo [0-9]; echo "*" '?' \[z\]
for f in *; do printf '<%s>' "$f"; done; echo
set -f; echo *; set +f
echo ~root; HOME=/somewhere; echo ~
ls -1 | sort | head -4
ls -d .[!.]*
find . -type f | sort; find . -name 'a*' | sort; find . -type d -empty; touch -d 2001-01-01 a; touch -d 2000-01-01 ab; find . -newer a -type f | sort | head -3
find . -type f -exec sh -c 'echo "arg: $1"' _ {} \; | sort | head -3
find . -type f -print0 | xargs -0 -n 3 echo | wc -l | tr -d ' '
mkdir -p p/q/r/s; rmdir -p p/q/r/s; ls -d p 2>/dev/null; echo $?
v='a b   c'; echo $v "$v"; echo "a'b" 'a"b' a\ b
