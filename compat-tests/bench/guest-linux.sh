#!/bin/bash
# Boot the Linux guest under QEMU with an initramfs built from the given programs
# (and their shared libraries), run one command in it, print its console.
#
#   guest-linux.sh --icount --bin build/bench/microbench-static -- /bin/microbench-static --insn
#   guest-linux.sh --fwd 16379:6379 --bin /usr/bin/redis-server -- redis-server --save '' ...
#   guest-linux.sh --smp 2 --bin A --bin B --sh 'A & sleep 1; B'
#
# The guest prints GUEST-READY before the command and `GUEST-EXIT rc` after it.
set -e
. "$(dirname "$0")/lib.sh"

usage() { echo "usage: $0 [options] [-- CMD ARGS...]"; usage_common; }

opt_defaults
KERNEL_POSITIONAL=
parse_opts "$@"
KREL=${KREL:-$(cd /boot && ls -v vmlinuz-*-cloud-amd64 2>/dev/null | tail -1 | sed s/vmlinuz-//)}
[ -n "$KREL$KERNEL" ] || { echo "$0: no Linux to compare with: install linux-image-cloud-amd64" >&2; exit 2; }
KERNEL=${KERNEL:-/boot/vmlinuz-$KREL}
MODDIR=/lib/modules/$KREL/kernel
BUSYBOX=${BUSYBOX:-/usr/bin/busybox}

# virtio modules in the order in which they can be loaded
modules() {
	echo drivers/virtio/virtio_ring drivers/virtio/virtio
	case $MACHINE in
	microvm*) echo drivers/virtio/virtio_mmio ;;
	*) echo drivers/virtio/virtio_pci_legacy_dev drivers/virtio/virtio_pci_modern_dev \
		drivers/virtio/virtio_pci ;;
	esac
	echo net/core/failover drivers/net/net_failover drivers/net/virtio_net
}

make_init() { # tree
	{
		echo '#!/bin/sh'
		echo 'export PATH=/bin:/sbin HOME=/root'
		echo 'mount -t proc proc /proc; mount -t sysfs sys /sys'
		echo 'mount -t devtmpfs dev /dev 2>/dev/null; mount -t tmpfs tmp /tmp'
		echo 'exec </dev/console >/dev/console 2>&1'
		echo 'ip link set lo up'
		if [ "$NET" = 1 ]; then
			for m in $(modules); do echo "insmod /lib/mods/${m##*/}.ko"; done
			echo 'ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up'
			echo 'ip route add default via 10.0.2.2'
		fi
		echo 'echo GUEST-READY'
		if [ -n "$SCRIPT" ]; then printf '%s\n' "$SCRIPT"; else quote "${CMD[@]}"; echo; fi
		echo 'echo GUEST-EXIT $?'
		echo 'reboot -f'
	} >"$1/init"
	chmod 755 "$1/init"
}

if [ -z "$INITRD" ]; then
	mkdir -p "$BENCH_TMP"
	work=$(mktemp -d "$BENCH_TMP/guest.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	mkdir "$work/root"
	build_tree "$work/root"
	if [ "$DIRECT" != 1 ]; then
		cp "$BUSYBOX" "$work/root/bin/busybox"
		for a in $("$BUSYBOX" --list); do
			[ -e "$work/root/bin/$a" ] || ln -s busybox "$work/root/bin/$a"
		done
		if [ "$NET" = 1 ]; then
			for m in $(modules); do put "$work/root" "$MODDIR/$m.ko" "/lib/mods/${m##*/}.ko"; done
		fi
		make_init "$work/root"
	fi
	INITRD=$work/initrd
	pack "$work/root" "$INITRD"
	# the kernel opens /dev/console itself for PID 1 if the node is there
	"$BENCH/node_cpio.py" dev/console:5:1 dev/null:1:3 >>"$INITRD"
	rm -rf "$work/root"
	if [ -n "$BUILD_ONLY" ]; then mv "$INITRD" "$BUILD_ONLY"; exit 0; fi
fi

# microvm has no HPET or PM timer, and the PIT calibration of the TSC is a race under
# TCG that hangs the boot when lost: tell Linux the frequency, as KVM would.
case $MACHINE in
microvm*)
	if [ "$ICOUNT" = 1 ]; then khz=1000000; else
		khz=${TSC_KHZ:-$(awk '/^cpu MHz/ { printf "%d", $4 * 1000; exit }' /proc/cpuinfo)}
	fi
	APPEND="tsc_early_khz=$khz $APPEND" ;;
esac

line="console=ttyS0 quiet loglevel=1 panic=-1 reboot=t $APPEND"
if [ "$DIRECT" = 1 ]; then
	line+=" rdinit=${CMD[0]} -- ${CMD[*]:1}"
fi
qemu_command "$line"
launch
