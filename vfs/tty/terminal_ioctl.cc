// Requests to terminals. Source: ioctl_tty(2), termios(3).
#include "kernel/lib/string.h"
#include "kernel/mm/user.h"
#include "kernel/task/signal.h"
#include "kernel/task/task.h"
#include "linux-abi/fcntl.h"
#include "vfs/tty/terminal.h"

namespace linnet {
namespace {

bool capable() { return current().credentials->has_capability(kCapSysAdmin); }

/// Bits per second of the lower bits of c_cflag; 0: BOTHER.
u32 speed_of(u32 cflag) {
    constexpr u32 slow[] = {0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400};
    constexpr u32 fast[] = {0,      57600,  115200,  230400,  460800,  500000,  576000,  921600,
                            1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000};
    const u32 code = cflag & CBAUD;
    return code & u32(BOTHER) ? fast[code & 15] : slow[code & 15];
}

/// The classic structure shows the low halves of the flags, and eight characters.
abi::Termio to_termio(const abi::Termios& t) {
    abi::Termio o{};
    o.iflag = u16(t.iflag);
    o.oflag = u16(t.oflag);
    o.cflag = u16(t.cflag);
    o.lflag = u16(t.lflag);
    o.line = t.line;
    memcpy(o.cc, t.cc, sizeof o.cc);
    return o;
}

void merge_termio(abi::Termios& t, const abi::Termio& o) {
    auto low = [](u32& word, u16 half) { word = (word & 0xffff0000) | half; };
    low(t.iflag, o.iflag);
    low(t.oflag, o.oflag);
    low(t.cflag, o.cflag);
    low(t.lflag, o.lflag);
    t.line = o.line;
    memcpy(t.cc, o.cc, sizeof o.cc);
}

/// `wanted` with the bits that are locked as they were.
void keep_locked(abi::Termios& wanted, const abi::Termios& old, const abi::Termios& locked) {
    auto keep = [](u32& w, u32 o, u32 l) { w = (w & ~l) | (o & l); };
    keep(wanted.iflag, old.iflag, locked.iflag);
    keep(wanted.oflag, old.oflag, locked.oflag);
    keep(wanted.cflag, old.cflag, locked.cflag);
    keep(wanted.lflag, old.lflag, locked.lflag);
    if (locked.line) wanted.line = old.line;
    for (size_t i = 0; i < sizeof wanted.cc; ++i)
        if (locked.cc[i]) wanted.cc[i] = old.cc[i];
}

} // namespace

/// tcdrain(3).
Result<void> Terminal::drain() {
    const u32 opened = generation();
    WaitResult w = wait_until(writers_, [&] {
        SpinGuard guard(lock_);
        push_output();
        return unsent_bytes() == 0 || hung_up(opened);
    });
    if (w != WaitResult::Ready) return kRestartSys;
    return {};
}

Result<void> Terminal::set_modes(const abi::Termios& t, bool drain_first, bool flush) {
    if (drain_first) TRY(drain());
    Effects effects(*this);
    {
        SpinGuard guard(lock_);
        if (flush) flush_input();
        abi::Termios wanted = t;
        const abi::Termios old = discipline_.termios();
        keep_locked(wanted, old, locked_);
        adjust_modes(wanted);
        discipline_.set_termios(wanted, effects);
        modes_changed(old);
    }
    if (flush) input_room_made();
    after_input(effects); // what is readable and writable may have changed
    return {};
}

Result<i64> Terminal::set_modes_ioctl(u32 command, u64 arg) {
    TRY(check_background(SIGTTOU));
    abi::Termios t;
    {
        SpinGuard guard(lock_);
        t = discipline_.termios();
    }
    switch (command) {
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
        t = TRY(user_read<abi::Termios>(arg));
        TRY(set_modes(t, command != TCSETS, command == TCSETSF));
        return 0;
    case TCSETA:
    case TCSETAW:
    case TCSETAF:
        merge_termio(t, TRY(user_read<abi::Termio>(arg)));
        TRY(set_modes(t, command != TCSETA, command == TCSETAF));
        return 0;
    default: break; // TCSETS2 and the like
    }
    abi::Termios2 t2 = TRY(user_read<abi::Termios2>(arg));
    memcpy(&t, &t2, sizeof t);
    {
        SpinGuard guard(lock_);
        if (speed_of(t.cflag) == 0 && (t.cflag & CBAUD) == u32(BOTHER)) other_speed_ = t2.ospeed;
    }
    TRY(set_modes(t, command != abi::TCSETS2, command == abi::TCSETSF2));
    return 0;
}

Result<i64> Terminal::get_modes_ioctl(u32 command, u64 arg) {
    abi::Termios t;
    u32 speed;
    {
        SpinGuard guard(lock_);
        t = command == u32(TIOCGLCKTRMIOS) ? locked_ : discipline_.termios();
        speed = (t.cflag & CBAUD) == u32(BOTHER) ? other_speed_ : speed_of(t.cflag);
    }
    if (command == u32(TCGETA)) {
        TRY(user_write(arg, to_termio(t)));
        return 0;
    }
    if (command != abi::TCGETS2) {
        TRY(user_write(arg, t));
        return 0;
    }
    abi::Termios2 t2{};
    memcpy(&t2, &t, sizeof t);
    t2.ospeed = speed;
    const u32 input_code = t.cflag >> IBSHIFT & CBAUD;
    t2.ispeed = input_code ? speed_of(input_code) : speed; // 0: as the output
    TRY(user_write(arg, t2));
    return 0;
}

/// Modes and sizes: the same at both ends of a pair.
Result<i64> Terminal::mode_ioctl(u32 command, u64 arg, bool self) {
    switch (command) {
    case TCGETS:
    case TCGETA:
    case TIOCGLCKTRMIOS:
    case abi::TCGETS2: return get_modes_ioctl(command, arg);
    case TCSETS:
    case TCSETSW:
    case TCSETSF:
    case TCSETA:
    case TCSETAW:
    case TCSETAF:
    case abi::TCSETS2:
    case abi::TCSETSW2:
    case abi::TCSETSF2: return set_modes_ioctl(command, arg);
    case TIOCSLCKTRMIOS: {
        if (!capable()) return EPERM;
        abi::Termios t = TRY(user_read<abi::Termios>(arg));
        SpinGuard guard(lock_);
        locked_ = t;
        return 0;
    }
    case TIOCGSOFTCAR: {
        i32 on;
        {
            SpinGuard guard(lock_);
            on = discipline_.termios().cflag & CLOCAL ? 1 : 0;
        }
        TRY(user_write(arg, on));
        return 0;
    }
    case TIOCSSOFTCAR: {
        i32 on = TRY(user_read<i32>(arg));
        abi::Termios t;
        {
            SpinGuard guard(lock_);
            t = discipline_.termios();
        }
        t.cflag = on ? t.cflag | CLOCAL : t.cflag & ~u32(CLOCAL);
        TRY(set_modes(t, false, false));
        return 0;
    }
    case TIOCGWINSZ: {
        abi::Winsize w;
        {
            SpinGuard guard(lock_);
            w = size_;
        }
        TRY(user_write(arg, w));
        return 0;
    }
    case TIOCSWINSZ:
        set_size(TRY(user_read<abi::Winsize>(arg)));
        return 0;
    case TIOCGPGRP:
    case TIOCSPGRP:
    case TIOCGSID: return session_ioctl(command, arg, self);
    case TIOCGDEV:
        TRY(user_write<u32>(arg, u32(rdev)));
        return 0;
    case TIOCGETD:
        TRY(user_write<i32>(arg, 0)); // N_TTY
        return 0;
    case TIOCGEXCL:
        TRY(user_write<i32>(arg, exclusive_ ? 1 : 0));
        return 0;
    default: return ENOTTY;
    }
}

/// tcflow, tcflush, tcsendbreak, tcdrain.
Result<i64> Terminal::flow_ioctl(u32 command, u64 arg) {
    TRY(check_background(SIGTTOU));
    switch (command) {
    case TCXONC: {
        if (arg > TCION) return EINVAL;
        Effects effects(*this);
        {
            SpinGuard guard(lock_);
            if (arg == TCOOFF || arg == TCOON) {
                discipline_.stop_by_call(arg == TCOOFF, effects);
            } else if (u8 c = discipline_.termios().cc[arg == TCIOFF ? VSTOP : VSTART]) {
                effects.screen(&c, 1); // asks the other side to stop, or to go on
            }
            push_output();
        }
        after_input(effects);
        return 0;
    }
    case TCFLSH: {
        if (arg > TCIOFLUSH) return EINVAL;
        {
            SpinGuard guard(lock_);
            if (arg != TCOFLUSH) {
                flush_input();
                drop_incoming();
            }
            if (arg != TCIFLUSH) flush_output();
        }
        if (arg != TCOFLUSH) input_room_made();
        output_made();
        writers_.wake_all(kPollOut | kPollWrNorm);
        return 0;
    }
    case TIOCCBRK: return 0;
    default:
        // A break has no meaning on these lines; what was written goes first.
        TRY(drain());
        return 0;
    }
}

Result<i64> Terminal::simulate_input(u64 arg) {
    if (controlling_terminal(*current().process).get() != this && !capable()) return EPERM;
    u8 c = TRY(user_read<u8>(arg));
    Effects effects(*this);
    {
        SpinGuard guard(lock_);
        receive(&c, 1, effects);
    }
    after_input(effects);
    return 0;
}

Result<i64> Terminal::ioctl(File& file, u32 command, u64 arg, u32 opened) {
    if (hung_up(opened)) return command == u32(TIOCSPGRP) ? ENOTTY : EIO;
    switch (command) {
    case TIOCSCTTY: return take_session(arg, file.readable());
    case TIOCNOTTY: return session_ioctl(command, arg, true);
    case TIOCOUTQ: {
        u32 n;
        {
            SpinGuard guard(lock_);
            n = unsent_bytes();
        }
        TRY(user_write<i32>(arg, i32(n)));
        return 0;
    }
    case FIONREAD:
        TRY(user_write<i32>(arg, i32(TRY(bytes_available(opened)))));
        return 0;
    case TCFLSH:
    case TCXONC:
    case TCSBRK:
    case TCSBRKP:
    case TIOCSBRK:
    case TIOCCBRK: return flow_ioctl(command, arg);
    case TIOCSTI: return simulate_input(arg);
    case TIOCSETD: {
        TRY(check_background(SIGTTOU));
        const i32 wanted = TRY(user_read<i32>(arg));
        if (wanted != 0) return EINVAL; // there is N_TTY alone
        return 0;
    }
    case TIOCEXCL:
    case TIOCNXCL:
        exclusive_ = command == u32(TIOCEXCL);
        return 0;
    case TIOCGPTPEER: return EIO; // of masters only
    case TIOCVHANGUP:
        if (!capable()) return EPERM;
        hang_up();
        return 0;
    default: return mode_ioctl(command, arg, true);
    }
}

} // namespace linnet
