"""Values that are more than numbers: images, sounds, tables. Pure: nothing here knows a store or a run."""
