//! Kinds that are numbers in CBOR and may grow: a reader keeps a number that it does not know.

/// Declares an enum of such numbers, each with its name in one word.
macro_rules! kinds {
    ($(#[$of_all:meta])* $name:ident { $($(#[$of:meta])* $kind:ident = $number:literal $word:literal,)* }) => {
        $(#[$of_all])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$of])* $kind,)*
            /// The number of one that this version does not know.
            Other(u8),
        }

        impl $name {
            /// The number that stands for it.
            pub fn number(self) -> u8 {
                match self {
                    $($name::$kind => $number,)*
                    $name::Other(number) => number,
                }
            }

            /// It in one word, for programs that read output.
            pub fn name(self) -> &'static str {
                match self {
                    $($name::$kind => $word,)*
                    $name::Other(_) => "unknown",
                }
            }
        }

        impl From<u8> for $name {
            fn from(number: u8) -> Self {
                match number {
                    $($number => $name::$kind,)*
                    _ => $name::Other(number),
                }
            }
        }

        impl<C> minicbor::Encode<C> for $name {
            fn encode<W: minicbor::encode::Write>(
                &self,
                e: &mut minicbor::Encoder<W>,
                _: &mut C,
            ) -> std::result::Result<(), minicbor::encode::Error<W::Error>> {
                e.u8(self.number())?.ok()
            }
        }

        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(d: &mut minicbor::Decoder<'b>, _: &mut C) -> std::result::Result<Self, minicbor::decode::Error> {
                Ok(d.u8()?.into())
            }
        }
    };
}

pub(crate) use kinds;
