# make drives a build of shell commands.
rm -rf /tmp/m; mkdir /tmp/m; cd /tmp/m
printf 'a\n' > a.in; printf 'b\n' > b.in
cat > Makefile <<'E'
SRC := $(wildcard *.in)
OUT := $(SRC:.in=.out)
all: result ; @echo all done
result: $(OUT)
	cat $^ > $@
%.out: %.in
	@echo making $@ from $<
	@tr a-z A-Z < $< > $@
fail: ; exit 3
.PHONY: all fail clean
clean: ; rm -f *.out result
E
make; cat result; make; touch -d 2000-01-01 a.out; make; make fail 2>&1; echo "status $?"; make -n clean; make -s clean; ls
make -j4 -s | sort; cat result; make -k fail all 2>/dev/null | tail -1; echo 'x: ; @echo $(VAR) $$VAR' | make -f - VAR=v x; make nothing 2>&1; printf 'all: sub\n\t@$(MAKE) --no-print-directory -f sub.mk\nsub: ; @echo "sub: ; @echo deep" > sub.mk\n' > top.mk; make -f top.mk
i=0; { echo 'all: $(TARGETS)'; while [ $i -lt 40 ]; do echo "t$i: ; @echo $i > o$i"; l="$l t$i"; i=$((i + 1)); done; echo ".PHONY: $l all"; } > many.mk; make -j8 -f many.mk TARGETS="$l"; cat o* | sort -n | tail -1
