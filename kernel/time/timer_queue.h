// The timer queue's side towards the interrupt code.
#pragma once

namespace linnet {

/// Hard interrupt: the timer of this CPU went off.
void timer_interrupt();
/// Boot: the queue of this CPU.
void init_timers();

} // namespace linnet
