// lwIP's cyclic timers, run only while something needs them: TCP's while connections are open, the neighbour tables' for
// some seconds after the last packet (missed ticks are made up for when traffic comes again), DHCP's while it is used. An idle
// machine has no timer armed but the lease's.
#include "kernel/irq/deferred.h"
#include "kernel/time/clock.h"
#include "kernel/time/timer.h"
#include "net/lwip/glue.h"

namespace linnet {

void net_reap_half_open();

namespace {

enum class Need : u8 { Tcp, Traffic, DhcpFine, DhcpCoarse };

struct Cyclic {
    void (*run)();
    u32 interval_ms;
    Need need;
    u32 most_missed; // ticks made up for at most
    u64 due_ns;
};

constexpr u64 kTrafficWindowNs = 5 * kNsPerSec;
constexpr u32 kMaxTimeWait = 4096;

Cyclic cyclics[] = {
    {tcp_tmr, TCP_TMR_INTERVAL, Need::Tcp, 1, 0},
    {ip_reass_tmr, IP_TMR_INTERVAL, Need::Traffic, IP_REASS_MAXAGE, 0},
    {etharp_tmr, ARP_TMR_INTERVAL, Need::Traffic, ARP_MAXAGE, 0},
    {igmp_tmr, IGMP_TMR_INTERVAL, Need::Traffic, 1, 0},
    {nd6_tmr, ND6_TMR_INTERVAL, Need::Traffic, 4000, 0},
    {ip6_reass_tmr, IP6_REASS_TMR_INTERVAL, Need::Traffic, IPV6_REASS_MAXAGE, 0},
    {mld6_tmr, MLD6_TMR_INTERVAL, Need::Traffic, 1, 0},
    {dhcp_fine_tmr, DHCP_FINE_TIMER_MSECS, Need::DhcpFine, 1, 0},
    {dhcp_coarse_tmr, DHCP_COARSE_TIMER_MSECS, Need::DhcpCoarse, 60, 0},
};

Timer timer;
bool started, traffic;
u64 traffic_until_ns;
u64 armed_for_ns = ~0ull;

bool dhcp_active() { return net_eth_present && netif_dhcp_data(&net_eth); }

bool needed(Need n, u64 now) {
    switch (n) {
    case Need::Tcp: return tcp_active_pcbs || tcp_tw_pcbs;
    case Need::Traffic: return now < traffic_until_ns;
    case Need::DhcpFine: return dhcp_active() && (!dhcp_supplied_address(&net_eth) || now < traffic_until_ns);
    case Need::DhcpCoarse: return dhcp_active();
    }
    return false;
}

/// Too many connections in TIME_WAIT: the oldest go.
void trim_time_wait() {
    u32 count = 0;
    tcp_pcb* keep = nullptr;
    for (tcp_pcb* p = tcp_tw_pcbs; p; p = p->next)
        if (++count == kMaxTimeWait) keep = p;
    if (!keep || count == kMaxTimeWait) return;
    while (tcp_pcb* old = keep->next) tcp_abort(old);
}

/// Runs what is due and arms the timer for what is next. Core lock held.
void run_due(u64 now) {
    u64 next = ~0ull;
    for (Cyclic& c : cyclics) {
        if (!needed(c.need, now)) continue;
        u64 interval = c.interval_ms * kNsPerMs;
        if (c.due_ns == 0) c.due_ns = now + interval;
        if (c.due_ns <= now) {
            u64 missed = (now - c.due_ns) / interval + 1;
            u64 runs = missed < c.most_missed ? missed : c.most_missed;
            c.due_ns += missed * interval;
            for (u64 i = 0; i < runs; ++i) c.run();
        }
        if (c.due_ns < next) next = c.due_ns;
    }
    if (next == ~0ull) {
        armed_for_ns = next;
        return;
    }
    if (!timer.armed || next < armed_for_ns) {
        armed_for_ns = next;
        start_timer(timer, next);
    }
}

void expired(Timer&) {
    NetGuard guard;
    armed_for_ns = ~0ull;
    net_reap_half_open();
    trim_time_wait();
    run_due(monotonic_ns());
    mark_net_core_dirty();
}

} // namespace

void net_timers_kick() {
    traffic = true;
    mark_net_core_dirty();
}

void net_timers_start() {
    timer.expired = expired;
    started = true;
    net_timers_kick();
}

void net_core_finish() {
    // Packets to ourselves (ICMP, multicast): each may bring about more.
    for (int round = 0; round < 64 && net_core_dirty; ++round) {
        net_core_dirty = false;
        netif_poll_all();
    }
    net_core_dirty = false;
    net_device_kick();
    if (traffic && started) {
        traffic = false;
        u64 now = monotonic_ns();
        bool asleep = armed_for_ns == ~0ull || now >= traffic_until_ns;
        traffic_until_ns = now + kTrafficWindowNs;
        if (asleep || ((tcp_active_pcbs || tcp_tw_pcbs) && armed_for_ns > now + TCP_TMR_INTERVAL * kNsPerMs)) run_due(now);
        if (net_core_dirty) {
            net_core_dirty = false;
            traffic = false;
            net_device_kick();
        }
    }
}

extern "C" void tcp_timer_needed(void) { net_timers_kick(); }
extern "C" void sys_timeouts_init(void) {} // net_timers_start() does it

} // namespace linnet
