// Makes system calls of every kind, with every kind of structure and flags, well and badly, for the comparison of two traces.
//   trace_calls [PART...]
// Nothing that it does depends on time or on the machine, so its trace is the same each time but for addresses and process numbers.
#include "trace_calls.h"

static const struct {
    const char* name;
    void (*run)(void);
} parts[] = {
    {"files", trace_files},         {"memory", trace_memory}, {"signals", trace_signals}, {"processes", trace_processes},
    {"sockets", trace_sockets},     {"netlink", trace_netlink}, {"events", trace_events}, {"times", trace_times},
    {"ipc", trace_ipc},             {"settings", trace_settings}, {"terminals", trace_terminals},
};

int main(int argc, char** argv) {
    if (chdir("/tmp")) return 1;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; ++i) {
        int wanted = argc < 2;
        for (int a = 1; a < argc; ++a) wanted |= !strcmp(argv[a], parts[i].name);
        if (wanted) parts[i].run();
    }
    return 0;
}
