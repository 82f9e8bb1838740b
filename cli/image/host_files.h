// Copies of the host's files into a tree, at the same paths, with the symbolic links that lead to them.
#pragma once

#include <functional>
#include <string>

#include "cli/image/elf_deps.h"
#include "cli/image/tree.h"

namespace linnet::cli {

// The entry for a host file of any type, its data not read. Throws CommandError if it cannot be stat'ed
// or is a socket.
Entry entry_of_host(const std::string& path);

// One file at the guest path of the same name; every link on the way becomes a link in the tree. Returns
// the guest path that the file itself has. Nothing happens if it does not exist (returns "").
std::string add_host_file(Tree& tree, const std::string& path);

// HOST as GUEST: a file, or a folder with all that is below it (devices and sockets left out). Owners are
// kept when root runs the command; else files of the calling user belong to root in the guest.
void add_host_tree(Tree& tree, const std::string& host, const std::string& guest);

// What an unchanged dynamic program expects to find on any machine: accounts, name services, locale,
// certificates, time zone, ld.so.cache. A static program gets the small ones only.
void add_usual_files(Tree& tree, bool dynamic, const std::string& time_zone,
                     const std::string& locale);

// Adds a program of the host with all it needs, following `#!` lines, and checks that it can run.
// Returns its guest path. Throws CommandError (126, 127).
std::string add_host_program(Tree& tree, const std::string& path, const std::string& library_path);

// For every ELF file in the tree at a path that the host has too: adds what it needs.
void add_needs_of(Tree& tree, const std::string& guest_folder);

// Checks that `program` (a guest path) can be started from what the tree holds: there, a file, executable,
// an ELF file of this machine with its interpreter, or a script with its interpreter. Throws
// CommandError (126, 127) with a line that names the thing.
void check_program(const Tree& tree, const std::string& program);

} // namespace linnet::cli
