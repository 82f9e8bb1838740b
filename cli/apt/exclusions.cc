#include "cli/apt/exclusions.h"

#include "cli/apt/text.h"

namespace linnet::cli {
namespace {

constexpr std::string_view excluded_paths[] = {
    // documentation and translations, as the distribution's own slim images leave out
    "/usr/share/bug/*",
    "/usr/share/doc/*",
    "/usr/share/doc-base/*",
    "/usr/share/groff/*",
    "/usr/share/info/*",
    "/usr/share/linda/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    // for an interactive machine
    "/usr/share/applications/*",
    "/usr/share/bash-completion/*",
    "/usr/share/fish/*",
    "/usr/share/menu/*",
    "/usr/share/pixmaps/*",
    "/usr/share/zsh/*",
    "/etc/bash_completion.d/*",
    // for a package manager, an init system, a log rotator, a firewall or a security module, none of which runs
    "/usr/share/debconf/*",
    "/usr/share/apport/*",
    "/usr/share/gdb/*",
    "/usr/lib/systemd/*",
    "/usr/lib/sysusers.d/*",
    "/usr/lib/tmpfiles.d/*",
    "/etc/apparmor.d/*",
    "/etc/cron.d/*",
    "/etc/cron.daily/*",
    "/etc/cron.hourly/*",
    "/etc/cron.monthly/*",
    "/etc/cron.weekly/*",
    "/etc/init.d/*",
    "/etc/insserv.conf.d/*",
    "/etc/logcheck/*",
    "/etc/logrotate.d/*",
    "/etc/ufw/*",
};

} // namespace

const std::set<std::string>& left_out_packages()
{
    static const std::set<std::string> names{
        // account and configuration helpers of maintainer scripts
        "adduser", "cdebconf", "debconf", "debconf-2.0", "dpkg", "install-info", "opensysusers", "passwd",
        "sysuser-helper", "systemd-standalone-sysusers", "systemd-standalone-tmpfiles", "systemd-sysusers",
        "systemd-tmpfiles", "ucf",
        // init systems and their glue
        "init-system-helpers", "lsb-base", "systemd", "systemd-sysv", "sysvinit-utils",
        // carry no files that a program opens
        "gcc-12-base", "gcc-13-base", "gcc-14-base", "gcc-15-base", "usr-is-merged", "usrmerge",
    };
    return names;
}

const std::vector<std::string>& script_packages()
{
    static const std::vector<std::string> names{"bash", "coreutils", "dash", "debianutils", "findutils", "grep",
                                                "gzip", "hostname", "sed", "tar"};
    return names;
}

bool path_left_out(std::string_view path, const std::vector<std::string>& excludes,
                   const std::vector<std::string>& includes)
{
    for (const auto& pattern : includes)
        if (glob_match(pattern, path))
            return false;
    for (std::string_view pattern : excluded_paths)
        if (glob_match(pattern, path) || path == pattern.substr(0, pattern.size() - 2))
            return true; // a folder goes with its content
    for (const auto& pattern : excludes)
        if (glob_match(pattern, path))
            return true;
    return false;
}

} // namespace linnet::cli
