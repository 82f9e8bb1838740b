# packages: make dash coreutils diffutils grep sed findutils
# memory: 256M
# make drives a build of shell commands: dependencies, a job server, errors, a build in sub-makes.
set -eu
mkdir /tmp/m
cd /tmp/m
cat >Makefile <<'MAKE'
SHELL = /bin/sh
PARTS := $(foreach n,1 2 3 4 5 6 7 8,part$(n))
all: whole sub/done
whole: $(addsuffix .o,$(PARTS))
	@cat $(sort $^) >$@
	@echo "whole: `wc -l <$@` lines"
%.o: %.in common
	@sed "s/x/`cat common`/" $< >$@
$(addsuffix .in,$(PARTS)):
	@for i in 1 2 3 4 5; do echo "$@ x $$i"; done >$@
common:
	@printf y >$@
sub/done:
	@$(MAKE) -s -C sub
fails: ok1 bad ok2
ok1 ok2:
	@echo $@
bad:
	@echo bad; exit 3
killed:
	@kill -9 $$$$
clean:
	rm -rf whole *.o *.in common sub/done sub/*.o
.PHONY: all fails ok1 ok2 bad clean killed
MAKE
mkdir sub
printf 'done: a.o b.o c.o d.o\n\t@cat $^ >$@\n%%.o:\n\t@echo $* >$@\n' >sub/Makefile
echo "## a build, and nothing to do"
make
make
cat whole | sha256sum
cat sub/done
echo "## what has changed is made again"
touch -d '2030-01-01' part3.in
make -n 2>&1 | grep -c part3
make -s -t all
echo "## jobs"
make clean
make -s -j 4
cat whole | sha256sum
make -s clean >/dev/null
make -s -j all
cat whole | sha256sum
echo "## errors"
make fails 2>&1 || echo "status $?"
make -k fails 2>&1 || echo "status $?"
make killed 2>&1 || echo "status $?"
make nosuch 2>&1 || echo "status $?"
make -f /nosuch 2>&1 || echo "status $?"

echo "## a script as configure ones are: many small commands"
cat >configure <<'SH'
#!/bin/sh
checked=0
check() {
    result=$("$@" 2>/dev/null) && answer=yes || answer=no
    checked=$((checked + 1))
    echo "checking $1... $answer" >>config.log
}
for round in 1 2 3 4 5; do
    for program in cat sed grep ls rm mv cp expr test tr sort uniq head tail wc cut basename dirname; do
        check sh -c "command -v $program"
        check expr $round + 1
        check test -x /usr/bin/$program
    done
    for header in stdio.h nosuch.h; do
        echo "#include <$header>" >conftest.c
        check grep -q stdio conftest.c
        check cp conftest.c conftest2.c
        check mv conftest2.c conftest3.c
        check rm -f conftest3.c
    done
    version=$(printf '%s\n' 1.2.3 | sed 's/\.[0-9]*$//' | tr . _)
    sed -e "s/@VERSION@/$version/" -e "s/@ROUND@/$round/" >config.h <<EOF
#define VERSION "@VERSION@"
#define ROUND @ROUND@
EOF
done
echo "$checked checks"
SH
chmod +x configure
./configure
sort config.log | uniq -c
cat config.h
echo end
