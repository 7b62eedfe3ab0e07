/* Commands, in the order of --help: WN_COMMAND(name) needs `const wn__command wn__command_<name>`. */
WN_COMMAND(data)
WN_COMMAND(doctor)
WN_COMMAND(manual)
