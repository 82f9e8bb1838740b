#!/bin/bash
# Boot Linnet under QEMU with the same interface as guest-linux.sh:
#
#   guest-linnet.sh [options] -- CMD ARGS...
#
# The image is written by Linnet's own tool (page-aligned, docs/boot-protocol.md), with the same files as the
# Linux guest's. Output comes by the serial line, as there: what is measured are the kernels, not the ways
# to print. --sh runs by a static busybox from a file. LINNET_APPEND adds kernel options to every run;
# LINNET names the command, KERNEL or --kernel the kernel.
set -e
. "$(dirname "$0")/lib.sh"

usage() { echo "usage: $0 [options] [-- CMD ARGS...]"; usage_common; }

opt_defaults
KERNEL_POSITIONAL=1
# the machine as `linnet run` starts it: without ACPI, PIC and PIT, which Linux's early boot wants
MICROVM=microvm,acpi=off,pic=off,pit=off,rtc=on,isa-serial=on
parse_opts "$@"
LINNET=${LINNET:-$ROOT/build/cli/linnet}
KERNEL=${KERNEL:-${KERNEL_FOLDER:-$ROOT/build/kernel/image}/linnet.stripped.elf}
[ -e "$KERNEL" ] || { echo "$0: no kernel $KERNEL" >&2; exit 2; }
BUSYBOX=${BUSYBOX:-/usr/bin/busybox}

# arguments for the command line, quoted as docs/boot-protocol.md says, and only where they need it
words() {
	local a
	for a; do
		case $a in
		'' | *[!A-Za-z0-9_./:=,@%+*-]*)
			a=${a//\\/\\\\}
			printf '"%s" ' "${a//\"/\\\"}" ;;
		*) printf '%s ' "$a" ;;
		esac
	done
}

guest_cmdline() { # program and arguments, already quoted
	local line="console=ttyS0" khz
	[ "$NET" = 1 ] && line+=" ip=10.0.2.15/24 gw=10.0.2.2"
	# the same help as the Linux guest gets: the TSC's frequency on microvm
	case $MACHINE in
	microvm*)
		if [ "$ICOUNT" = 1 ]; then khz=1000000; else
			khz=${TSC_KHZ:-$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)}
		fi
		line+=" tsc_khz=$khz" ;;
	esac
	echo "$line env=PATH=/bin:/sbin env=HOME=/root $LINNET_APPEND $APPEND -- $*"
}

make_script() { # tree
	printf '#!/bin/busybox sh\necho GUEST-READY\n%s\necho GUEST-EXIT $?\n' "$SCRIPT" >"$1/script.sh"
	chmod 755 "$1/script.sh"
}

if [ -z "$INITRD" ]; then
	mkdir -p "$BENCH_TMP"
	work=$(mktemp -d "$BENCH_TMP/guest.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir "$work/root"
	build_tree "$work/root"
	if [ -n "$SCRIPT" ]; then
		cp "$BUSYBOX" "$work/root/bin/busybox"
		for a in $("$BUSYBOX" --list); do
			[ -e "$work/root/bin/$a" ] || ln -s busybox "$work/root/bin/$a"
		done
		make_script "$work/root"
	fi
	INITRD=$work/initrd
	"$LINNET" bench image "$work/root" "$INITRD"
	rm -rf "$work/root"
	if [ -n "$BUILD_ONLY" ]; then mv "$INITRD" "$BUILD_ONLY"; exit 0; fi
fi

if [ -n "$SCRIPT" ]; then
	qemu_command "$(guest_cmdline "$(words /bin/busybox sh /script.sh)")"
else
	qemu_command "$(guest_cmdline "$(words "${CMD[@]}")")"
fi
launch
