# The same from busybox, its shell too.
cd /tmp
busybox sh -c 'x=$((6*7)); echo $x; for i in $(busybox seq 3); do echo -n "$i "; done; echo; echo "${x%2}"; [ -d /proc ] && echo proc; (exit 4); echo $?; f() { local a=1; return 2; }; f; echo $?'
busybox sh -c 'trap "echo bye" EXIT; sleep 100 & kill $!; wait $!; echo $?; echo a | busybox tr a b; busybox printf "%05d\n" 42'
printf 'x 3\ny 1\nz 2\n' > bb; busybox sort -k2n bb; busybox awk '{ s += $2 } END { print s }' bb; busybox sed 's/x/X/' bb; busybox grep -c . bb; busybox wc bb; busybox md5sum bb; busybox head -n1 bb; busybox cut -d' ' -f1 bb
busybox tar cf bb.tar bb; busybox tar tf bb.tar; busybox gzip -c bb | busybox gunzip; busybox find /tmp -name 'bb*' | busybox sort; busybox test -f bb; echo $?; busybox expr 2 '*' 3; busybox dirname /x/y; busybox stat -c %s bb
busybox ash -c 'set -e; true; echo go; false; echo no'; echo $?
busybox sh -c 'cat <<E
here $((1+1))
E
busybox yes | busybox head -n 2; busybox usleep 1000; busybox id -u; busybox env -i busybox env; busybox true; busybox cp bb bb2; busybox cmp bb bb2 && echo same; busybox rm bb2; busybox ls bb2 2>/dev/null || echo gone'
