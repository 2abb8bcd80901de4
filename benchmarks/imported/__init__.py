"""Models that ship in packages, imported: do they answer as the packages themselves do?"""
