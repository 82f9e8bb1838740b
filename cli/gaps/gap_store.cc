#include "cli/gaps/gap_store.h"

#include <time.h>

#include <algorithm>
#include <vector>

#include "cli/util/error.h"
#include "cli/util/paths.h"
#include "cli/util/text.h"

namespace linnet::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t most_files = 100; // each of GapKeeper::most_bytes at most
constexpr std::string_view magic = "linnet gaps 1";

// A name of a VM, as the registry takes it.
bool good_name(const std::string& name) {
    return !name.empty() && name.size() <= 255 && name.find('/') == std::string::npos && name[0] != '.';
}

std::string one_line(std::string text) {
    std::replace_if(text.begin(), text.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    return text;
}

void drop_old(const fs::path& folder) {
    std::vector<std::pair<fs::file_time_type, fs::path>> files;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(folder, error)) {
        const auto time = item.last_write_time(error);
        if (!error)
            files.emplace_back(time, item.path());
    }
    std::sort(files.begin(), files.end());
    for (std::size_t i = 0; i + most_files <= files.size(); ++i)
        fs::remove(files[i].second, error);
}

std::optional<GapFile> read_gaps(const fs::path& path, bool head_only) {
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error || size > 2 * GapKeeper::most_bytes)
        return {};
    const auto text = read_file(path);
    if (!text || !text->starts_with(magic))
        return {};
    GapFile file;
    file.name = path.filename().string();
    GapCollector collector;
    for (const std::string& line : split(*text, '\n')) {
        const auto value = [&line](std::string_view key) -> std::optional<std::string> {
            if (!line.starts_with(key))
                return {};
            return line.substr(key.size());
        };
        if (line.starts_with("gap ")) {
            if (head_only)
                break;
            collector.take(line);
        } else if (const auto program = value("program ")) {
            file.program = *program;
        } else if (const auto image = value("image ")) {
            file.image = *image;
        } else if (const auto started = value("started ")) {
            file.started_ns = static_cast<std::int64_t>(parse_number(*started, INT64_MAX).value_or(0));
        }
    }
    file.report = collector.report();
    return file;
}

} // namespace

GapKeeper::GapKeeper(const std::string& name, const std::string& program, const std::string& image) {
    timespec now;
    ::clock_gettime(CLOCK_REALTIME, &now);
    head_ = concat(magic, "\nprogram ", one_line(program), "\nimage ", one_line(image), "\nstarted ",
                   std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec, "\n");
    if (!good_name(name))
        return;
    try {
        const fs::path folder = cache_folder("gaps");
        drop_old(folder);
        path_ = folder / name;
    } catch (const std::exception&) {
        return;
    }
    write();
}

void GapKeeper::take(std::string_view line) {
    if (line.starts_with("gap begin"))
        lines_.clear();
    if (lines_.size() + line.size() < most_bytes && line.find('\n') == std::string_view::npos)
        lines_.append(line).append("\n");
    if (collector_.take(line))
        write();
}

void GapKeeper::write() const {
    if (path_.empty())
        return;
    try {
        write_file_atomically(path_, head_ + lines_, 0600);
    } catch (const std::exception&) {
        // No room: the report is lost, the run goes on.
    }
}

std::optional<GapFile> find_gaps(const std::string& name) {
    if (!name.empty())
        return good_name(name) ? read_gaps(cache_folder("gaps") / name, false) : std::nullopt;
    std::optional<GapFile> last;
    std::error_code error;
    for (const auto& item : fs::directory_iterator(cache_folder("gaps"), error)) {
        auto file = read_gaps(item.path(), true);
        if (file && (!last || file->started_ns > last->started_ns))
            last = std::move(file);
    }
    return last ? read_gaps(cache_folder("gaps") / last->name, false) : std::nullopt;
}

void forget_gaps(const std::string& name) {
    std::error_code error;
    if (good_name(name))
        fs::remove(cache_folder("gaps") / name, error);
}

} // namespace linnet::cli
