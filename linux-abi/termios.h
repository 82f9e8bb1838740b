// Terminal modes, control characters, tty and generic ioctl numbers.
// Source: termios(3), ioctl_tty(2), ioctl_list(2).
#pragma once

#include "linux-abi/types.h"

namespace linnet::abi {
inline namespace constants {

inline constexpr int TCIFLUSH = 0x0;
inline constexpr int TCOOFF = 0x0;
inline constexpr int TCSANOW = 0x0;
inline constexpr int TCOFLUSH = 0x1;
inline constexpr int TCOON = 0x1;
inline constexpr int TCSADRAIN = 0x1;
inline constexpr int TCIOFF = 0x2;
inline constexpr int TCIOFLUSH = 0x2;
inline constexpr int TCSAFLUSH = 0x2;
inline constexpr int TCION = 0x3;
inline constexpr int TCGETS = 0x5401;
inline constexpr int TCSETS = 0x5402;
inline constexpr int TCSETSW = 0x5403;
inline constexpr int TCSETSF = 0x5404;
inline constexpr int TCGETA = 0x5405;
inline constexpr int TCSETA = 0x5406;
inline constexpr int TCSETAW = 0x5407;
inline constexpr int TCSETAF = 0x5408;
inline constexpr int TCSBRK = 0x5409;
inline constexpr int TCXONC = 0x540a;
inline constexpr int TCFLSH = 0x540b;
inline constexpr int TIOCEXCL = 0x540c;
inline constexpr int TIOCNXCL = 0x540d;
inline constexpr int TIOCSCTTY = 0x540e;
inline constexpr int TIOCGPGRP = 0x540f;
inline constexpr int TIOCSPGRP = 0x5410;
inline constexpr int TIOCOUTQ = 0x5411;
inline constexpr int TIOCSTI = 0x5412;
inline constexpr int TIOCGWINSZ = 0x5413;
inline constexpr int TIOCSWINSZ = 0x5414;
inline constexpr int TIOCMGET = 0x5415;
inline constexpr int TIOCMBIS = 0x5416;
inline constexpr int TIOCMBIC = 0x5417;
inline constexpr int TIOCMSET = 0x5418;
inline constexpr int TIOCGSOFTCAR = 0x5419;
inline constexpr int TIOCSSOFTCAR = 0x541a;
inline constexpr int TIOCINQ = 0x541b;
inline constexpr int TIOCLINUX = 0x541c;
inline constexpr int TIOCCONS = 0x541d;
inline constexpr int TIOCGSERIAL = 0x541e;
inline constexpr int TIOCSSERIAL = 0x541f;
inline constexpr int TIOCPKT = 0x5420;
inline constexpr int TIOCNOTTY = 0x5422;
inline constexpr int TIOCSETD = 0x5423;
inline constexpr int TIOCGETD = 0x5424;
inline constexpr int TCSBRKP = 0x5425;
inline constexpr int TIOCSBRK = 0x5427;
inline constexpr int TIOCCBRK = 0x5428;
inline constexpr int TIOCGSID = 0x5429;
inline constexpr int TIOCGRS485 = 0x542e;
inline constexpr int TIOCSRS485 = 0x542f;
inline constexpr int TCGETX = 0x5432;
inline constexpr int TCSETX = 0x5433;
inline constexpr int TCSETXF = 0x5434;
inline constexpr int TCSETXW = 0x5435;
inline constexpr int TIOCVHANGUP = 0x5437;
inline constexpr int TIOCGPTPEER = 0x5441;
inline constexpr int TIOCSERCONFIG = 0x5453;
inline constexpr int TIOCSERGWILD = 0x5454;
inline constexpr int TIOCSERSWILD = 0x5455;
inline constexpr int TIOCGLCKTRMIOS = 0x5456;
inline constexpr int TIOCSLCKTRMIOS = 0x5457;
inline constexpr int TIOCSERGSTRUCT = 0x5458;
inline constexpr int TIOCSERGETLSR = 0x5459;
inline constexpr int TIOCSERGETMULTI = 0x545a;
inline constexpr int TIOCSERSETMULTI = 0x545b;
inline constexpr int TIOCMIWAIT = 0x545c;
inline constexpr int TIOCGICOUNT = 0x545d;
inline constexpr int TIOCSPTLCK = 0x40045431;
inline constexpr int TIOCSIG = 0x40045436;
inline constexpr uint32_t TIOCGPTN = 0x80045430;
inline constexpr uint32_t TIOCGDEV = 0x80045432;
inline constexpr uint32_t TIOCGPKT = 0x80045438;
inline constexpr uint32_t TIOCGPTLCK = 0x80045439;
inline constexpr uint32_t TIOCGEXCL = 0x80045440;

inline constexpr int FIONREAD = 0x541b;
inline constexpr int FIONBIO = 0x5421;
inline constexpr int FIONCLEX = 0x5450;
inline constexpr int FIOCLEX = 0x5451;
inline constexpr int FIOASYNC = 0x5452;
inline constexpr int FIOQSIZE = 0x5460;

inline constexpr int CS5 = 0;
inline constexpr int IGNBRK = 01;
inline constexpr int ISIG = 01;
inline constexpr int OPOST = 01;
inline constexpr int BRKINT = 02;
inline constexpr int ICANON = 02;
inline constexpr int OLCUC = 02;
inline constexpr int IGNPAR = 04;
inline constexpr int ONLCR = 04;
inline constexpr int ECHO = 010;
inline constexpr int OCRNL = 010;
inline constexpr int PARMRK = 010;
inline constexpr int B9600 = 015;
inline constexpr int B38400 = 017;
inline constexpr int CS6 = 020;
inline constexpr int ECHOE = 020;
inline constexpr int INPCK = 020;
inline constexpr int ONOCR = 020;
inline constexpr int CS7 = 040;
inline constexpr int ECHOK = 040;
inline constexpr int ISTRIP = 040;
inline constexpr int ONLRET = 040;
inline constexpr int CS8 = 060;
inline constexpr int CSIZE = 060;
inline constexpr int CSTOPB = 0100;
inline constexpr int ECHONL = 0100;
inline constexpr int INLCR = 0100;
inline constexpr int OFILL = 0100;
inline constexpr int CREAD = 0200;
inline constexpr int IGNCR = 0200;
inline constexpr int NOFLSH = 0200;
inline constexpr int OFDEL = 0200;
inline constexpr int ICRNL = 0400;
inline constexpr int PARENB = 0400;
inline constexpr int TOSTOP = 0400;
inline constexpr int ECHOCTL = 01000;
inline constexpr int IUCLC = 01000;
inline constexpr int PARODD = 01000;
inline constexpr int ECHOPRT = 02000;
inline constexpr int HUPCL = 02000;
inline constexpr int IXON = 02000;
inline constexpr int CLOCAL = 04000;
inline constexpr int ECHOKE = 04000;
inline constexpr int IXANY = 04000;
inline constexpr int FLUSHO = 010000;
inline constexpr int IXOFF = 010000;
inline constexpr int B115200 = 010002;
inline constexpr int CBAUD = 010017;
inline constexpr int TABDLY = 014000;
inline constexpr int XTABS = 014000;
inline constexpr int IMAXBEL = 020000;
inline constexpr int IUTF8 = 040000;
inline constexpr int PENDIN = 040000;
inline constexpr int IEXTEN = 0100000;
inline constexpr int EXTPROC = 0200000;

inline constexpr int BOTHER = 010000;
inline constexpr int IBSHIFT = 16;

// The first byte of a packet that a master reads in packet mode (TIOCPKT): data, or a sum of the others.
inline constexpr int TIOCPKT_DATA = 0;
inline constexpr int TIOCPKT_FLUSHREAD = 1;
inline constexpr int TIOCPKT_FLUSHWRITE = 2;
inline constexpr int TIOCPKT_STOP = 4;
inline constexpr int TIOCPKT_START = 8;
inline constexpr int TIOCPKT_NOSTOP = 16;
inline constexpr int TIOCPKT_DOSTOP = 32;
inline constexpr int TIOCPKT_IOCTL = 64;

inline constexpr int VINTR = 0;
inline constexpr int VQUIT = 1;
inline constexpr int VERASE = 2;
inline constexpr int VKILL = 3;
inline constexpr int VEOF = 4;
inline constexpr int VTIME = 5;
inline constexpr int VMIN = 6;
inline constexpr int VSWTC = 7;
inline constexpr int VSTART = 8;
inline constexpr int VSTOP = 9;
inline constexpr int VSUSP = 10;
inline constexpr int VEOL = 11;
inline constexpr int VREPRINT = 12;
inline constexpr int VDISCARD = 13;
inline constexpr int VWERASE = 14;
inline constexpr int VLNEXT = 15;
inline constexpr int VEOL2 = 16;

inline constexpr int BLKROSET = 0x125d;
inline constexpr int BLKROGET = 0x125e;
inline constexpr int BLKRRPART = 0x125f;
inline constexpr int BLKGETSIZE = 0x1260;
inline constexpr int BLKFLSBUF = 0x1261;
inline constexpr int BLKSSZGET = 0x1268;
inline constexpr int BLKDISCARD = 0x1277;
inline constexpr int BLKIOMIN = 0x1278;
inline constexpr int BLKIOOPT = 0x1279;
inline constexpr int BLKALIGNOFF = 0x127a;
inline constexpr int BLKPBSZGET = 0x127b;
inline constexpr int BLKZEROOUT = 0x127f;
inline constexpr uint32_t BLKBSZGET = 0x80081270;
inline constexpr uint32_t BLKGETSIZE64 = 0x80081272;

inline constexpr int FIBMAP = 0x1;
inline constexpr int FIGETBSZ = 0x2;
inline constexpr int FICLONE = 0x40049409;
inline constexpr int FICLONERANGE = 0x4020940d;
inline constexpr uint32_t FIFREEZE = 0xc0045877;
inline constexpr uint32_t FITHAW = 0xc0045878;
inline constexpr uint32_t FITRIM = 0xc0185879;
inline constexpr uint32_t FIDEDUPERANGE = 0xc0189436;

inline constexpr int FS_IOC_SETFLAGS = 0x40086602;
inline constexpr uint32_t FS_IOC_GETFLAGS = 0x80086601;
inline constexpr uint32_t FS_IOC_GETVERSION = 0x80087601;
inline constexpr uint32_t FS_IOC_FSGETXATTR = 0x801c581f;

inline constexpr int RNDZAPENTCNT = 0x5204;
inline constexpr int RNDCLEARPOOL = 0x5206;
inline constexpr int RNDRESEEDCRNG = 0x5207;
inline constexpr int RNDADDTOENTCNT = 0x40045201;
inline constexpr int RNDADDENTROPY = 0x40085203;
inline constexpr uint32_t RNDGETENTCNT = 0x80045200;

} // namespace constants

/// The kernel's struct termios (TCGETS); glibc's own is longer.
struct Termios {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line, cc[19];
};
static_assert(sizeof(Termios) == 36);
/// TCGETS2's.
struct Termios2 {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line, cc[19];
    uint32_t ispeed, ospeed;
};
static_assert(sizeof(Termios2) == 44);
inline constexpr uint32_t TCGETS2 = 0x802c542a, TCSETS2 = 0x402c542b, TCSETSW2 = 0x402c542c,
                          TCSETSF2 = 0x402c542d;
/// TCGETA's.
struct Termio {
    uint16_t iflag, oflag, cflag, lflag;
    uint8_t line, cc[8];
};
static_assert(sizeof(Termio) == 18);
struct Winsize {
    uint16_t row, col, xpixel, ypixel;
};
static_assert(sizeof(Winsize) == 8);
} // namespace linnet::abi
