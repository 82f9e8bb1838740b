// Reads from a package's postinst what it would do to a fresh system, without running it.
//
// A maintainer script needs root and a running Debian. What matters to an image are a handful of
// commands: adduser, addgroup, useradd, groupadd, usermod, mkdir, install -d, chown, chgrp, chmod, ln -s, cp, touch,
// update-alternatives --install, dpkg-statoverride --add. The script is walked as a shell would for
// `postinst configure` on a first installation, with variables, functions, `for` over literal words and `case "$1"`; but
// conditions are not evaluated: what stands behind one is done. A command with a word that can't be
// known (a command substitution, an unset variable, a glob) is left out.
#pragma once

#include <string_view>

#include "cli/apt/setup_action.h"

namespace linnet::cli {

// `package` is the value of DPKG_MAINTSCRIPT_PACKAGE. Scripts in other languages than sh give nothing.
SetupActions parse_maintainer_script(std::string_view script, std::string_view package);

} // namespace linnet::cli
