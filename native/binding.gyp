# To build the installed package from its source.
{
  'includes': ['addon.gypi'],
}
