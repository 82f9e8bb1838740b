# packages: sqlite3 dash coreutils diffutils grep
# memory: 256M
# SQLite on a file: both journals, locks between processes, backup.
set -eu
cd /tmp
db=test.db
sql() { sqlite3 -cmd '.timeout 60000' "$@"; }

echo "## rollback journal"
sql $db 'create table t(id integer primary key, name text, value real);
         create index by_name on t(name);'
sql $db "begin;
         with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
         insert into t select i, printf('name %05d', (i * 7919) % 5000), i * 0.5 from n;
         commit;"
sql $db 'select count(*), sum(id), round(sum(value), 1), min(name), max(name) from t'
sql $db "select id, name from t where name between 'name 00100' and 'name 00104' order by name"
sql $db 'begin; delete from t; select count(*) from t; rollback; select count(*) from t;'
echo "journal: $(ls $db-journal 2>/dev/null || echo none)"
sql $db 'pragma integrity_check'

echo "## an unclean end leaves a journal that the next one rolls back"
(printf 'pragma cache_size=1;\nbegin;\nupdate t set name = upper(name);\nselect count(*) from t where name like "N%%";\n.shell kill -9 $PPID\n' | sqlite3 $db) 2>/dev/null || true
sql $db "select count(*) from t where name glob 'N*'"
sql $db 'pragma integrity_check'

echo "## four writers at once"
sql $db 'create table counter(n integer); insert into counter values(0)'
for writer in 1 2 3 4; do
    (for i in 1 2 3 4 5; do sql $db 'begin immediate; update counter set n = n + 1; commit'; done) &
done
wait
sql $db 'select n from counter'

echo "## write-ahead log: shared memory of several processes"
sql $db 'pragma journal_mode=wal'
for writer in 1 2 3; do
    (for i in 1 2 3 4 5; do sql $db "insert into t(name, value) values('w$writer', $i)"; done) &
done
for reader in 1 2; do sql $db 'select count(*) >= 5000 from t'; done
wait
sql $db "select name, count(*), sum(value) from t where name like 'w%' group by name order by name"
sql $db 'pragma wal_checkpoint(truncate)'
sql $db 'pragma journal_mode=delete'

echo "## vacuum, backup, dump"
sql $db 'delete from t where id % 3 = 0; vacuum; pragma integrity_check'
sql $db '.backup copy.db'
sql copy.db 'select count(*), sum(id) from t'
sql $db .dump >one.sql
sql copy.db .dump >two.sql
cmp one.sql two.sql
sqlite3 new.db <one.sql
sql new.db .dump | cmp - one.sql
grep -v "'w" one.sql | sha256sum

echo "## errors"
sql $db 'insert into t(id, name) values(1, "twice")' 2>&1 || echo "status $?"
sql $db 'select * from nothing' 2>&1 || echo "status $?"
echo 'this is no database, but long enough to be looked at as one: its first bytes are wrong' >broken.db
sql broken.db 'select * from t' 2>&1 || echo "status $?"
sql /tmp/nosuch/file.db 'select 1 from t' 2>&1 || echo "status $?"
echo end
