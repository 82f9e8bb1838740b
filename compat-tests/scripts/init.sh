# Process 1 takes no harm from signals of its children that it does not handle (dash handles INT), and adopts orphans.
for s in KILL TERM HUP QUIT ABRT SEGV USR1 STOP TSTP; do kill -$s 1; echo "$s: $?"; done
test -d /proc/1 && echo "process 1 lives: $(sed -n 's/^State:\t\([A-Z]\).*/\1/p' /proc/1/status | tr -d RSD)"
sh -c 'sh -c "while [ \$(ps -o ppid= -p \$\$ | tr -d \" \") != 1 ]; do sleep 0.02; done; echo adopted > /tmp/adopted" &'
while [ ! -s /tmp/adopted ]; do sleep 0.02; done; cat /tmp/adopted
