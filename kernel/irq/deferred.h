// Deferred work: what an interrupt handler asks to be done at the next safe point of its CPU (return to the program,
// schedule(), idle, cond_resched()). Runs with interrupts enabled, in the context of whatever thread is
// there; it may take spin locks and wake threads, and must not sleep.
#pragma once

#include <atomic>

#include "kernel/lib/types.h"

namespace linnet {

struct DeferredWork : NoCopy {
    void (*run)(DeferredWork&) = nullptr;
    DeferredWork* next = nullptr;
    std::atomic<u8> state{0}; // kQueued: waits for a CPU, or is to run again; kRunning
};

/// Queues work on this CPU (once, however often it is raised before it runs). Raised while it runs, here or on another CPU, it
/// runs again there, after what waits on that CPU: it never runs beside itself. Any context, hard interrupts too.
void raise_deferred(DeferredWork& w);
/// Runs what is queued on this CPU. Thread or idle context, no lock held.
void run_deferred();

} // namespace linnet
