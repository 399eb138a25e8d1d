# The addon, for the two binding.gyp.
{
  'targets': [
    {
      'target_name': 'macvlan_netlink',
      # Listed by looking, so that a new file is never forgotten; from the repository's root, or from
      # here.
      'sources': [
        '<!@(node -p "const d = fs.existsSync(\'native\') ? \'native/\' : \'\'; [\'wire\', \'rtnl\', \'io\', \'bulk\', \'node\'].flatMap((layer) => fs.readdirSync(d + layer).filter((f) => f.endsWith(\'.cc\')).sort().map((f) => d + layer + \'/\' + f)).join(\' \')")',
      ],
      'include_dirs': [
        '<!(node -p "fs.existsSync(\'native\') ? \'native\' : \'.\'")',
        # Relative, and so without the spaces of the folders above; also where node_modules is a symbolic link.
        '<!@(node --preserve-symlinks -p "require(\'node-addon-api\').include_dir")',
      ],
      'defines': [
        # What every Node.js 20 has: 9 came with 20.3.
        'NAPI_VERSION=8',
        'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'variables': {
        # -Werror is for this project's CI: a newer compiler's warning is nobody else's trouble.
        'warnings_are_errors%': '<!(node -p "process.env.MACVLAN_NETLINK_WERROR === \'1\' ? 1 : 0")',
      },
      'cflags': [
        '-fvisibility=hidden',
        '-ffunction-sections',
        '-fdata-sections',
        # It runs as root: a fault of its own is to end the process, and not to be of use to anybody.
        '-fstack-protector-strong',
        '-Wall',
        '-Wextra',
      ],
      'cflags!': ['-O3', '-Wno-unused-parameter'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-std=gnu++23'],
      'cflags_cc': [
        '-std=c++17',
        '-O2',
        '-fno-exceptions',
        '-fno-rtti',
        '-fvisibility-inlines-hidden',
      ],
      # One binary for machines whose libstdc++ is older than the compiler's. Not libgcc: Node needs the
      # machine's itself, and the compiler's would need its own C library or a later one.
      'ldflags': [
        '-static-libstdc++',
        # From the folder that is built in, because nobody quotes a path that has a space in it.
        '-Wl,--version-script=<!(node -p "fs.existsSync(\'native\') ? \'../native/exports.map\' : \'../exports.map\'")',
        '-Wl,--gc-sections',
        # Stays loaded once it is: otherwise it goes with the last Worker that uses it, and each time it is loaded
        # again its libstdc++ takes 72 KiB for good (libsupc++/eh_alloc.cc).
        '-Wl,-z,nodelete',
      ],
      'libraries': ['-pthread'],
      'conditions': [
        ['warnings_are_errors == 1', {'cflags': ['-Werror']}],
      ],
    },
  ],
}
