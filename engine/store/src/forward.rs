//! Stores in front of other stores.

/// Methods of a [`Store`](crate::Store) that pass each call on to another store, which a field or a method of `self` has.
///
/// The names in the list are the methods. A store in front of another names those that it does not change:
///
/// ```
/// use engine_store::{MemoryStore, ObjectName, Result, Store, forward};
///
/// struct NeverDeletes {
///     inner: MemoryStore,
/// }
///
/// impl Store for NeverDeletes {
///     forward!([inner] location place medium put_new get get_range list ensure_durable set_aside stat replace_if);
///
///     fn delete(&self, _: &ObjectName) -> Result<()> {
///         Ok(())
///     }
/// }
/// ```
#[macro_export]
macro_rules! forward {
    (@ location [$($inner:tt)+]) => {
        fn location(&self) -> ::std::string::String {
            self.$($inner)+.location()
        }
    };
    (@ place [$($inner:tt)+]) => {
        fn place(&self) -> ::std::string::String {
            self.$($inner)+.place()
        }
    };
    (@ medium [$($inner:tt)+]) => {
        fn medium(&self) -> $crate::Medium {
            self.$($inner)+.medium()
        }
    };
    (@ put_new [$($inner:tt)+]) => {
        fn put_new(&self, name: &$crate::ObjectName, parts: &[&[u8]]) -> $crate::Result<()> {
            self.$($inner)+.put_new(name, parts)
        }
    };
    (@ put_owned [$($inner:tt)+]) => {
        fn put_owned(
            &self,
            name: &$crate::ObjectName,
            parts: ::std::vec::Vec<::std::vec::Vec<u8>>,
        ) -> $crate::Result<()> {
            self.$($inner)+.put_owned(name, parts)
        }
    };
    (@ overwrite [$($inner:tt)+]) => {
        fn overwrite(&self, name: &$crate::ObjectName, parts: &[&[u8]]) -> $crate::Result<()> {
            self.$($inner)+.overwrite(name, parts)
        }
    };
    (@ get [$($inner:tt)+]) => {
        fn get(&self, name: &$crate::ObjectName, limit: u64) -> $crate::Result<::std::vec::Vec<u8>> {
            self.$($inner)+.get(name, limit)
        }
    };
    (@ get_range [$($inner:tt)+]) => {
        fn get_range(
            &self,
            name: &$crate::ObjectName,
            range: ::std::ops::Range<u64>,
        ) -> $crate::Result<::std::vec::Vec<u8>> {
            self.$($inner)+.get_range(name, range)
        }
    };
    (@ list [$($inner:tt)+]) => {
        fn list(
            &self,
            folder: $crate::Folder,
            found: &mut dyn FnMut($crate::ObjectInfo) -> $crate::Result<()>,
            strange: &mut dyn FnMut(::std::string::String),
        ) -> $crate::Result<()> {
            self.$($inner)+.list(folder, found, strange)
        }
    };
    (@ list_names [$($inner:tt)+]) => {
        fn list_names(
            &self,
            folder: $crate::Folder,
            found: &mut dyn FnMut($crate::ObjectName) -> $crate::Result<()>,
        ) -> $crate::Result<()> {
            self.$($inner)+.list_names(folder, found)
        }
    };
    (@ holdings [$($inner:tt)+]) => {
        fn holdings(&self, folder: $crate::Folder) -> $crate::Result<$crate::Holdings> {
            self.$($inner)+.holdings(folder)
        }
    };
    (@ ensure_durable [$($inner:tt)+]) => {
        fn ensure_durable(&self, name: &$crate::ObjectName) -> $crate::Result<()> {
            self.$($inner)+.ensure_durable(name)
        }
    };
    (@ delete [$($inner:tt)+]) => {
        fn delete(&self, name: &$crate::ObjectName) -> $crate::Result<()> {
            self.$($inner)+.delete(name)
        }
    };
    (@ set_aside [$($inner:tt)+]) => {
        fn set_aside(&self, name: &$crate::ObjectName) -> $crate::Result<()> {
            self.$($inner)+.set_aside(name)
        }
    };
    (@ stat [$($inner:tt)+]) => {
        fn stat(&self, name: &$crate::ObjectName) -> $crate::Result<::std::option::Option<$crate::ObjectInfo>> {
            self.$($inner)+.stat(name)
        }
    };
    (@ replace_if [$($inner:tt)+]) => {
        fn replace_if(
            &self,
            name: &$crate::ObjectName,
            expected: ::std::option::Option<$crate::Tag>,
            bytes: &[u8],
        ) -> $crate::Result<()> {
            self.$($inner)+.replace_if(name, expected, bytes)
        }
    };
    (@ protect [$($inner:tt)+]) => {
        fn protect(&self, name: &$crate::ObjectName, until: i64) -> $crate::Result<()> {
            self.$($inner)+.protect(name, until)
        }
    };
    ($inner:tt $($method:ident)+) => {
        $($crate::forward!(@ $method $inner);)+
    };
}
