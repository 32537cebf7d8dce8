//! Hints that several errors of a repository have.

pub(super) const GO_ON: &str = "Put the object back from a copy of the repository if there is one. Else `enamel accept --all --reason TEXT` goes on with the keys from \
                     before: what was saved with lost ones stays lost, keys that were added with them have to be added again, and those that were removed, \
                     removed again.";
