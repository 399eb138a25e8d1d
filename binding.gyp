# For this repository's own builds. The package goes without it: npm would build an addon that is there
# already wherever it installs from a lockfile (npm/cli#3341).
{
  'includes': ['native/addon.gypi'],
}
