// Sockets that are referred to only by messages in flight can form cycles that reference counts never free. As Linux's
// collector: candidates are sockets all of whose references lie in queues; what is reachable from the others is alive;
// the queues of the rest are emptied.
#include "net/unix_core.h"

namespace linnet {

namespace {

u32 total_in_flight GUARDED_BY(unix_lock) = 0;

UnixCore* core_of(File& f);

template <class F>
void each_right(UnixCore& c, F&& f) REQUIRES(unix_lock) {
    auto visit = [&](UnixCore& q) REQUIRES(unix_lock) {
        for (UnixPacket& p : q.queue)
            if (p.rights)
                for (u32 i = 0; i < p.rights->count; ++i)
                    if (UnixCore* to = core_of(*p.rights->files[i])) f(*to);
    };
    visit(c);
    for (UnixCore& e : c.pending) visit(e);
}

void mark(UnixCore& c, void*) {
    c.gc_candidate = c.in_flight > 0 && c.file && c.file->ref_count() == c.in_flight;
    c.gc_reached = !c.gc_candidate;
}

} // namespace

UnixCore* unix_core_of_socket(Socket& s); // net/unix_socket.cc

namespace {
UnixCore* core_of(File& f) {
    if (!f.is_socket()) return nullptr;
    auto& s = static_cast<Socket&>(f);
    return s.family == AF_UNIX ? unix_core_of_socket(s) : nullptr;
}
} // namespace

void unix_rights_queued(UnixRights& r) {
    SpinGuard guard(unix_lock);
    for (u32 i = 0; i < r.count; ++i)
        if (UnixCore* c = core_of(*r.files[i])) {
            ++c->in_flight;
            ++total_in_flight;
        }
}

void unix_rights_taken(UnixRights& r) {
    SpinGuard guard(unix_lock);
    for (u32 i = 0; i < r.count; ++i)
        if (UnixCore* c = core_of(*r.files[i])) {
            --c->in_flight;
            --total_in_flight;
        }
}

void unix_collect_garbage() {
    {
        SpinGuard guard(unix_lock);
        if (!total_in_flight) return;
    }
    each_unix_core(mark, nullptr);
    // Spread life from the roots until nothing changes; each round reaches at least one more socket.
    for (bool changed = true; changed;) {
        changed = false;
        each_unix_core(
            [](UnixCore& c, void* arg) REQUIRES(unix_lock) {
                if (!c.gc_reached) return;
                each_right(c, [&](UnixCore& to) {
                    if (to.gc_reached) return;
                    to.gc_reached = true;
                    *static_cast<bool*>(arg) = true;
                });
            },
            &changed);
    }
    UnixPackets packets;
    each_unix_core(
        [](UnixCore& c, void* arg) REQUIRES(unix_lock) {
            // A descriptor that was installed meanwhile keeps its socket alive.
            if (c.gc_reached || !c.file || c.file->ref_count() != c.in_flight) return;
            while (UnixPacket* p = c.queue.front()) {
                unix_unqueue(c, *p);
                static_cast<UnixPackets*>(arg)->push_back(*p);
            }
        },
        &packets);
    unix_free_packets(packets);
}

} // namespace linnet
