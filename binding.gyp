{
  'targets': [
    {
      'target_name': 'macvlan_netlink',
      # Listed by looking, so that a new file is never forgotten.
      'sources': [
        '<!@(node -p "[\'wire\', \'rtnl\', \'io\', \'bulk\', \'node\'].flatMap((layer) => { const d = \'native/\' + layer; return fs.existsSync(d) ? fs.readdirSync(d).filter((f) => f.endsWith(\'.cc\')).sort().map((f) => d + \'/\' + f) : []; }).join(\' \')")',
      ],
      'include_dirs': [
        'native',
        '<!@(node -p "require(\'node-addon-api\').include_dir")',
      ],
      'defines': [
        'NAPI_VERSION=9',
        'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'variables': {
        # -Werror is for this project's own builds: a newer compiler's warning is no user's trouble.
        'warnings_are_errors%': '<!(node -p "process.env.MACVLAN_NETLINK_WERROR === \'1\' ? 1 : 0")',
      },
      'cflags': [
        '-fvisibility=hidden',
        '-ffunction-sections',
        '-fdata-sections',
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
      # One binary for machines whose libstdc++ is older than the compiler's.
      'ldflags': [
        '-static-libstdc++',
        '-static-libgcc',
        '-Wl,--exclude-libs,ALL',
        '-Wl,--version-script=<(module_root_dir)/native/exports.map',
        '-Wl,--gc-sections',
      ],
      'libraries': ['-pthread'],
      'conditions': [
        ['warnings_are_errors == 1', {'cflags': ['-Werror']}],
      ],
    },
  ],
}
