# ulimit and what it stops.
(ulimit -n 20; ulimit -n); (ulimit -Sn 10; ulimit -Hn 30; ulimit -Sn; ulimit -Hn)
(ulimit -f 1; dd if=/dev/zero of=/tmp/toolarge bs=4096 count=10 2>/dev/null; echo "status $?"); stat -c %s /tmp/toolarge
(ulimit -c 0; ulimit -c); (ulimit -t 1; sh -c 'while :; do :; done'; echo "cpu $?") 2>/dev/null
(ulimit -n 8; exec 3<&0 4<&0 5<&0 6<&0 7<&0; exec 9<&0) 2>/dev/null; echo "too many: $?"
(ulimit -v 50000; awk 'BEGIN { s = "x"; while (length(s) < 200000000) s = s s }' 2>/dev/null; echo "memory $?")
ulimit -n 9999999 2>/dev/null; echo $?
n=$(nice); echo $(($(nice -n 5 nice) - n)); (umask 077; : > /tmp/u; stat -c %a /tmp/u); id -u; env -i A=1 env; env | grep -c PATH; cd /; pwd; test -t 1; echo "tty $?"
