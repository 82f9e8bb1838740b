// From the port's bytes to text: the receiver that a session calls.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/run/session.h"
#include "cli/trace/presenter.h"
#include "cli/trace/record_stream.h"
#include "cli/util/fd.h"

namespace linnet::cli {

class TraceSession final : public TraceReceiver, TraceWriter {
public:
    // Opens the output file. Throws CommandError.
    explicit TraceSession(TraceOptions options);
    void take(std::string_view bytes) override;
    void finish() override;
    int descriptor() const override { return output_.get(); }
    std::string write_error(int error) const override;

private:
    void write(int tid, std::string_view part) override;
    void close(int tid) override;
    void message(const std::string& line) override;
    void write_to_own_file(int tid, std::string_view part);
    Fd& own_file(int tid);
    void close_an_idle_file();

    const TraceOptions options_;
    // A process may have 1024 files open, as a rule; threads that live at the same time can be more.
    static constexpr std::size_t most_files = 256;
    struct OwnFile {
        Fd fd;
        std::uint64_t used = 0; // when, in writes
    };

    Fd output_;                    // none: stderr, or a file for each thread
    std::map<int, OwnFile> files_; // -ff: those that are open
    std::vector<bool> begun_;      // -ff, by thread: its file has been opened, and what is in it stays
    std::uint64_t writes_ = 0;
    bool own_file_failed_ = false;
    RecordStream stream_;
    std::unique_ptr<TracePresenter> presenter_;
    bool told_damage_ = false;
};

} // namespace linnet::cli
