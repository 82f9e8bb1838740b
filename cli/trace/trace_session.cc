#include "cli/trace/trace_session.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "cli/trace/json_presenter.h"
#include "cli/util/error.h"
#include "cli/util/text.h"

namespace linnet::cli {
namespace {

// None, and errno, if it can't be opened.
Fd open_file(const std::string& path, bool append) {
    return Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666));
}

Fd open_output(const std::string& path, bool append) {
    Fd fd = open_file(path, append);
    if (!fd)
        throw CommandError(concat("cannot write ", path, ": ", error_text(errno)));
    return fd;
}

} // namespace

TraceSession::TraceSession(TraceOptions options) : options_(std::move(options)) {
    if (!options_.output.empty() && !options_.separate)
        output_ = open_output(options_.output, options_.append);
    if (options_.separate) // the first thread's: what can't be written is known before the VM starts
        own_file(1);
    TraceWriter& writer = *this;
    if (options_.json)
        presenter_ = std::make_unique<JsonPresenter>(options_, writer);
    else
        presenter_ = std::make_unique<StracePresenter>(options_, writer);
}

void TraceSession::take(std::string_view bytes) {
    stream_.put(bytes, [this](const TraceEvent& event) { presenter_->take(event); });
    if (stream_.damaged() && !std::exchange(told_damage_, true))
        messages += "linnet: the trace is damaged; the rest of it is left out\n";
}

void TraceSession::finish() {
    stream_.finish([this](const TraceEvent& event) { presenter_->take(event); });
    presenter_->finish();
    if (stream_.late())
        messages += concat("linnet: records of the trace that came too late, or twice, are left out: ", stream_.late(), "\n");
}

std::string TraceSession::write_error(int error) const {
    return concat("linnet: ", options_.output, ": ", error_text(error), " (the trace ends here, the program goes on)");
}

void TraceSession::close_an_idle_file() {
    const auto used = [](const auto& a, const auto& b) { return a.second.used < b.second.used; };
    files_.erase(std::min_element(files_.begin(), files_.end(), used));
}

// Throws CommandError.
Fd& TraceSession::own_file(int tid) {
    if (const auto found = files_.find(tid); found != files_.end()) {
        found->second.used = ++writes_;
        return found->second.fd;
    }
    const auto index = static_cast<std::size_t>(tid);
    if (begun_.size() <= index)
        begun_.resize(index + 1);
    if (files_.size() >= most_files)
        close_an_idle_file();
    const std::string path = concat(options_.output, ".", tid);
    const bool append = options_.append || begun_[index];
    Fd fd = open_file(path, append);
    while (!fd && (errno == EMFILE || errno == ENFILE) && !files_.empty()) {
        close_an_idle_file();
        fd = open_file(path, append);
    }
    if (!fd)
        throw CommandError(concat("cannot write ", path, ": ", error_text(errno)));
    begun_[index] = true;
    return files_.emplace(tid, OwnFile{std::move(fd), ++writes_}).first->second.fd;
}

void TraceSession::write_to_own_file(int tid, std::string_view part) {
    if (own_file_failed_)
        return;
    int file = -1;
    try {
        file = own_file(tid).get();
    } catch (const CommandError& error) {
        own_file_failed_ = true;
        messages += concat("linnet: ", error.what(), "\n");
        return;
    }
    while (!part.empty()) {
        const ssize_t n = ::write(file, part.data(), part.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            own_file_failed_ = true;
            messages += write_error(errno) + "\n";
            return;
        }
        part.remove_prefix(static_cast<std::size_t>(n));
    }
}

void TraceSession::write(int tid, std::string_view part) {
    if (options_.separate && tid != 0)
        write_to_own_file(tid, part);
    else if (options_.separate)
        messages += part; // the summary of all
    else
        text += part;
}

void TraceSession::close(int tid) { files_.erase(tid); }

// As strace's own messages: on stderr, in the middle of a line if the trace is there too.
void TraceSession::message(const std::string& line) { (descriptor() < 0 && !options_.separate ? text : messages) += line + "\n"; }

} // namespace linnet::cli
