# Traps, and signals to itself.
trap 'echo got USR1' USR1
kill -USR1 $$
echo after
trap '' USR2
kill -USR2 $$; echo ignored
trap - USR2
sh -c 'trap "echo exit trap" EXIT; echo body; exit 4'; echo $?
sh -c 'trap "echo term; exit 9" TERM; kill -TERM $$; echo no'; echo $?
sh -c 'kill -TERM $$'; echo $?
sh -c 'kill -9 $$'; echo $?
sh -c 'kill -SEGV $$' 2>/dev/null; echo $?
sh -c 'trap "" INT; sh -c "kill -INT \$\$; echo survived"'; echo $?
sh -c 'trap "echo in parent" USR1; sh -c "kill -USR1 $PPID" ; :' >/dev/null; echo $?
f() { trap 'echo from function' USR1; }
f; kill -USR1 $$
trap; trap - USR1
(trap 'echo sub' EXIT)
kill -l 15; kill -l 9
sleep 1000 & p=$!; kill $p; wait $p; echo $?
sleep 1000 & p=$!; kill -STOP $p; kill -CONT $p; kill -KILL $p; wait $p; echo $?
kill -0 $$ && echo alive
kill -0 $p 2>/dev/null || echo dead
