# Background jobs and wait.
(exit 3) & wait $!; echo $?
for i in 1 2 3 4 5; do (exit $i) & eval p$i=$!; done
for i in 5 3 1 2 4; do eval wait \$p$i; echo "job $i: $?"; done
wait 99999 2>/dev/null; echo "stranger: $?"
wait; echo "none left: $?"
mkfifo /tmp/fifo; (for i in 1 2 3; do echo "through $i"; done > /tmp/fifo) & cat /tmp/fifo; wait
{ sleep 0.05; echo slow; } & { echo fast; } & wait
i=0; while [ $i -lt 50 ]; do (: > /tmp/bg.$i) & i=$((i + 1)); done; wait; ls /tmp/bg.* | wc -l | tr -d ' '; rm /tmp/bg.*
(sleep 0.2; echo done > /tmp/mark) & while [ ! -e /tmp/mark ]; do sleep 0.02; done; cat /tmp/mark
(echo a & wait; echo b); echo c
x=1; (x=2) & wait; echo $x
nohup sh -c 'echo under nohup' 2>/dev/null | cat
timeout 0.1 sleep 10; echo $?
timeout 10 true; echo $?
