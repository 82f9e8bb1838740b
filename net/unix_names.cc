// Names of UNIX sockets: abstract ones in a table of their own, path names by the inode of the socket's node.
#include "kernel/lib/random.h"
#include "kernel/task/task.h"
#include "linux-abi/stat.h"
#include "net/unix_core.h"
#include "vfs/inode.h"
#include "vfs/open.h"
#include "vfs/path_walk.h"

namespace linnet {

namespace {

constexpr u32 kBuckets = 64;
List<UnixCore, &UnixCore::name_node> names[kBuckets]; // guarded by unix_lock

u32 hash_of(const char* p, u32 n) {
    u32 h = 2166136261u;
    for (u32 i = 0; i < n; ++i) h = (h ^ static_cast<u8>(p[i])) * 16777619u;
    return h % kBuckets;
}
u32 hash_of(const Inode* i) { return (reinterpret_cast<u64>(i) >> 6) % kBuckets; }

/// A NUL-terminated copy of a path name.
struct PathText {
    char text[sizeof(UnixAddress::bytes) + 1];
    explicit PathText(const UnixAddress& a) {
        memcpy(text, a.bytes, a.length);
        text[a.length] = 0;
    }
};

} // namespace

Result<Ref<UnixAddress>> parse_unix_address(const SockAddrBuffer& in) {
    if (in.length < 2 || in.length > sizeof(abi::SockAddrUn)) return EINVAL;
    if (in.family() != AF_UNIX) return EINVAL;
    auto a = TRY(make_ref<UnixAddress>());
    a->length = in.length - 2;
    memcpy(a->bytes, in.bytes + 2, a->length);
    if (a->length && a->bytes[0] != 0) a->length = strnlen(a->bytes, a->length);
    return a;
}

void write_unix_address(SockAddrBuffer& out, const UnixAddress* a) {
    u16 family = AF_UNIX;
    memcpy(out.bytes, &family, 2);
    out.length = 2;
    if (!a || !a->length) return;
    memcpy(out.bytes + 2, a->bytes, a->length);
    out.length += a->length;
    if (!a->abstract()) out.bytes[out.length++] = 0; // as unix(7): the NUL is counted
}

namespace {

UnixCore* find_abstract(const UnixAddress& a, int type) {
    for (UnixCore& c : names[hash_of(a.bytes, a.length)])
        if (!c.node && c.type == type && c.address->same(a)) return &c;
    return nullptr;
}

/// Abstract names are a name space for each type, as in Linux's hash.
Result<void> bind_abstract(UnixCore& c, Ref<UnixAddress> name) {
    SpinGuard guard(unix_lock);
    if (c.bound) return EINVAL;
    if (find_abstract(*name, c.type)) return EADDRINUSE;
    c.address = std::move(name);
    c.bound = true;
    names[hash_of(c.address->bytes, c.address->length)].push_back(c);
    return {};
}

} // namespace

Result<void> unix_bind(UnixCore& c, const UnixAddress& a) {
    auto name = TRY(make_ref<UnixAddress>());
    if (a.length == 0) {
        // Autobind: five hexadecimal digits.
        for (int i = 0; i < 64; ++i) {
            u32 v = random_u64() & 0xfffff;
            name->bytes[0] = 0;
            for (int d = 0; d < 5; ++d) name->bytes[1 + d] = "0123456789abcdef"[v >> (16 - 4 * d) & 15];
            name->length = 6;
            auto r = bind_abstract(c, name);
            if (r.ok() || r.error() != EADDRINUSE) return r;
        }
        return ENOSPC;
    }
    name->length = a.length;
    memcpy(name->bytes, a.bytes, a.length);
    if (a.abstract()) return bind_abstract(c, std::move(name));
    {
        SpinGuard guard(unix_lock);
        if (c.bound) return EINVAL;
    }
    PathText path(a);
    auto made = make_node(AT_FDCWD, path.text, S_IFSOCK | 0777, 0);
    if (!made) return made.error() == EEXIST ? EADDRINUSE : made.error();
    Location where = TRY(walk_path(AT_FDCWD, path.text, 0));
    Ref<Inode> node(&where.inode());
    SpinGuard guard(unix_lock);
    if (c.bound) return EINVAL;
    c.address = std::move(name);
    c.node = std::move(node);
    c.bound = true;
    names[hash_of(c.node.get())].push_back(c);
    return {};
}

void unix_unbind(UnixCore& c, Ref<Inode>& node) {
    c.name_node.unlink();
    c.bound = false;
    node = std::move(c.node);
}

Result<Ref<UnixCore>> unix_find(const UnixAddress& a, int type) {
    if (a.length == 0) return EINVAL;
    if (a.abstract()) {
        SpinGuard guard(unix_lock);
        UnixCore* c = find_abstract(a, type);
        if (!c) return ECONNREFUSED;
        return Ref<UnixCore>(c);
    }
    PathText path(a);
    Location where = TRY(walk_path(AT_FDCWD, path.text, kWalkFollow));
    Inode& inode = where.inode();
    TRY(check_access(inode, kMayWrite, *current().credentials));
    if ((inode.mode & S_IFMT) != S_IFSOCK) return ECONNREFUSED;
    SpinGuard guard(unix_lock);
    for (UnixCore& c : names[hash_of(&inode)]) {
        if (!(c.node == &inode)) continue;
        if (c.type != type) return EPROTOTYPE;
        return Ref<UnixCore>(&c);
    }
    return ECONNREFUSED;
}

} // namespace linnet
