# Shared by guest-linux.sh and guest-linnet.sh: option parsing, building the guest's
# file tree as a cpio archive, and starting QEMU.  Sourced, not run.

BENCH=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
QEMU=${QEMU:-qemu-system-x86_64}
ROOT=$(cd "$BENCH/../.." && pwd)
BENCH_TMP=${BENCH_TMP:-$ROOT/build/bench}
# QEMU 7.2 with one vCPU leaves memory barriers out of translated code; with event_idx a
# guest then loses a virtio notification for good, without it the next packet recovers.
VNET_OPTS=${VNET_OPTS-,event_idx=off}

usage_common() {
	cat <<-U
	options:
	  --kernel FILE        guest kernel
	  --machine q35|microvm   (default q35)
	  --smp N  --mem MiB   (default 1, 256)
	  --cpu MODEL          (default max)
	  --accel A            (default tcg)
	  --icount             -icount shift=0,sleep=off: one virtual ns per guest instruction
	  --bin FILE[:DEST]    add a program and the shared libraries it needs (repeatable)
	  --file SRC:DEST      add a file or a directory (repeatable)
	  --tree DIR           begin with a copy of this tree
	  --net                user-mode network (guest 10.0.2.15, host 10.0.2.2)
	  --fwd HPORT:GPORT    forward 127.0.0.1:HPORT to the guest's GPORT (implies --net)
	  --sh 'SCRIPT'        run a busybox shell script in the guest instead of CMD
	  --direct             no busybox and no init script: CMD (a --bin) is PID 1
	  --append 'ARGS'      more kernel command line
	  --initrd FILE        use this archive instead of building one
	  --build-only FILE    write the archive to FILE and stop
	  --timeout S          kill this QEMU after S seconds (default 300)
	  --qemu-args 'ARGS'   more QEMU arguments
	  --print              print the QEMU command line and stop
	  -- CMD ARGS...       what to run in the guest; its output is on stdout
	U
}

opt_defaults() {
	KERNEL=${KERNEL:-} MACHINE=q35 SMP=1 MEM=256 CPU=max ACCEL=tcg ICOUNT=0 NET=0 DIRECT=0
	APPEND= INITRD= TREE= BUILD_ONLY= TIMEOUT=300 QEMU_ARGS= PRINT=0 SCRIPT=
	BINS=() FILES=() FWDS=() CMD=()
}

parse_opts() {
	while [ $# -gt 0 ]; do
		case $1 in
		--kernel) KERNEL=$2; shift ;;
		--machine) MACHINE=$2; shift ;;
		--smp) SMP=$2; shift ;;
		--mem | -m) MEM=$2; shift ;;
		--cpu) CPU=$2; shift ;;
		--accel) ACCEL=$2; shift ;;
		--icount) ICOUNT=1 ;;
		--bin) BINS+=("$2"); shift ;;
		--file) FILES+=("$2"); shift ;;
		--tree) TREE=$2; shift ;;
		--net) NET=1 ;;
		--fwd) NET=1; FWDS+=("$2"); shift ;;
		--sh) SCRIPT=$2; shift ;;
		--direct) DIRECT=1 ;;
		--append) APPEND=$2; shift ;;
		--initrd) INITRD=$2; shift ;;
		--build-only) BUILD_ONLY=$2; shift ;;
		--timeout) TIMEOUT=$2; shift ;;
		--qemu-args) QEMU_ARGS=$2; shift ;;
		--print) PRINT=1 ;;
		-h | --help) usage; exit 0 ;;
		--) shift; CMD=("$@"); break ;;
		-*) echo "unknown option $1" >&2; usage >&2; exit 2 ;;
		*) [ -z "$KERNEL_POSITIONAL" ] && { echo "unexpected $1" >&2; exit 2; }
		   KERNEL=$1 ;;
		esac
		shift
	done
}

# put SRC at DEST in the tree, following links
put() { # tree src dest
	mkdir -p "$1$(dirname "$3")"
	cp -rL "$2" "$1$3"
}

# the shared libraries of a program, one path per line (none for a static one)
libs_of() {
	ldd "$1" 2>/dev/null | sed -n \
		-e 's/.*=> \(\/[^ ]*\) .*/\1/p' -e 's/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p'
}

put_bin() { # tree file[:dest]
	local src=${2%%:*} dest=${2#*:} l
	[ "$dest" = "$2" ] && dest=/bin/$(basename "$src")
	put "$1" "$src" "$dest"
	chmod 755 "$1$dest"
	for l in $(libs_of "$src"); do
		[ -e "$1$l" ] || put "$1" "$l" "$l"
	done
}

# what every guest gets: directories, /etc/passwd and so on, programs, files
build_tree() { # tree
	local t=$1 b f
	[ -z "$TREE" ] || cp -a "$TREE/." "$t"
	mkdir -p "$t"/{bin,dev,etc,proc,sys,tmp,run,var/log,var/lib,root}
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\nwww-data:x:33:33:www-data:/:/bin/false\n' >"$t/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\nwww-data:x:33:\n' >"$t/etc/group"
	printf '127.0.0.1 localhost guest\n' >"$t/etc/hosts"
	for b in "${BINS[@]}"; do put_bin "$t" "$b"; done
	for f in "${FILES[@]}"; do put "$t" "${f%%:*}" "${f#*:}"; done
}

pack() { # tree out
	(cd "$1" && find . -print0 | LC_ALL=C sort -z |
		cpio --quiet -0 -o -H newc --reproducible -R 0:0) >"$2"
}

quote() { # arguments quoted for a POSIX shell
	local a
	for a; do printf "'%s' " "${a//\'/\'\\\'\'}"; done
}

# fills QCMD; $1 = kernel command line
qemu_command() {
	local hf f
	QCMD=("$QEMU" -nodefaults -no-user-config -display none -no-reboot
		-accel "$ACCEL" -cpu "$CPU" -smp "$SMP" -m "$MEM" -serial stdio)
	case $MACHINE in
	q35) QCMD+=(-M q35) ;;
	microvm) QCMD+=(-M "${MICROVM:-microvm,rtc=on}") ;;
	*) QCMD+=(-M "$MACHINE") ;;
	esac
	[ "$ICOUNT" = 1 ] && QCMD+=(-icount shift=0,sleep=off)
	if [ "$NET" = 1 ]; then
		hf=user,id=n0
		for f in "${FWDS[@]}"; do hf+=",hostfwd=tcp:127.0.0.1:${f%%:*}-:${f#*:}"; done
		QCMD+=(-netdev "$hf")
		case $MACHINE in
		microvm*) QCMD+=(-device "virtio-net-device,netdev=n0$VNET_OPTS") ;;
		*) QCMD+=(-device "virtio-net-pci,netdev=n0,romfile=$VNET_OPTS") ;;
		esac
	fi
	QCMD+=(-kernel "$KERNEL" -append "$1")
	[ -n "$INITRD" ] && QCMD+=(-initrd "$INITRD")
	# shellcheck disable=SC2206
	QCMD+=($QEMU_ARGS)
}

launch() {
	if [ "$PRINT" = 1 ]; then quote "${QCMD[@]}"; echo; return; fi
	if [ -n "$NO_TIMEOUT" ]; then
		exec "${QCMD[@]}" </dev/null
	fi
	timeout --foreground "$TIMEOUT" "${QCMD[@]}" </dev/null
}
