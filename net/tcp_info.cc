#include "net/tcp_info.h"

#include "net/transport.h"

namespace linnet {

abi::TcpInfo tcp_info(TcpEndpoint& e) {
    abi::TcpInfo i{};
    TcpStatistics s;
    if (e.path_) e.path_->statistics(e, s);
    i.state = static_cast<u8>(e.state_);
    i.reordering = 3;
    i.snd_cwnd = s.cwnd ? s.cwnd : 10;
    if (e.state_ == TCP_LISTEN) {
        i.unacked = e.accept_count_;
        i.sacked = e.backlog_;
        return i;
    }
    i.retransmits = static_cast<u8>(s.retransmits);
    i.wscale = static_cast<u8>(s.snd_wscale | s.rcv_wscale << 4);
    i.options = s.snd_wscale ? 4 : 0; // TCPI_OPT_WSCALE
    i.rto = s.rto_us ? s.rto_us : 1000000;
    i.ato = 40000;
    i.snd_mss = s.mss ? s.mss : 536;
    i.rcv_mss = i.snd_mss;
    i.advmss = i.snd_mss;
    i.pmtu = s.pmtu;
    i.rtt = s.rtt_us;
    i.rttvar = s.rtt_us / 2;
    i.snd_ssthresh = s.ssthresh ? s.ssthresh : 0x7fffffff;
    i.unacked = s.unacked;
    i.rcv_space = s.rcv_space ? s.rcv_space : 14600;
    i.rcv_ssthresh = i.rcv_space;
    i.total_retrans = s.total_retransmits;
    return i;
}

} // namespace linnet
