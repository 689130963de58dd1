//! The macros that state a sequence and a set of codes once.

/// A struct that is one sequence of a schema.
///
/// ```text
/// record! {
///     lenient ns::HL7V3;                     // or strict: an element not named here is refused
///     /// What it is.
///     pub struct Name [classCode = "X"]      // attributes the schema fixes
///     inside [typeCode = "Y"] "inner"        // optional: the sequence is that of a single child, "inner"
///     attrs { /** `@a` */ a: "a" = "D", }    // optional: attributes as text, "D" when absent
///     { /** `b` */ b: opt Type = "b", }      // one, opt, many, some (at least one);
///                                            // nillable, nilled: opt, many, written nil when absent
/// }
/// ```
macro_rules! record {
    (
        $mode:ident $namespace:path;
        $(#[$meta:meta])*
        pub struct $name:ident [$($fixed:ident = $value:expr),*]
        $(inside [$($outer:ident = $outer_value:expr),*] $inner:literal)?
        $(attrs { $($(#[$attr_meta:meta])* $attr:ident: $attr_name:literal = $default:literal,)* })?
        { $($(#[$field_meta:meta])* $field:ident: $kind:ident $ty:ty = $element:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $($($(#[$attr_meta])* pub $attr: String,)*)?
            $($(#[$field_meta])* pub $field: $crate::record::field_type!($kind $ty),)*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($($attr: $default.to_owned(),)*)? $($field: Default::default(),)* }
            }
        }

        impl $name {
            fn write_sequence(&self, out: &mut Vec<u8>, name: &str) {
                self.write_start(out, name);
                self.write_children(out);
                $crate::record::close(out, name);
            }

            /// Appends the start tag of the sequence.
            pub(super) fn write_start(&self, out: &mut Vec<u8>, name: &str) {
                $crate::record::open(out, name);
                $($crate::xml::escape::attr(out, stringify!($fixed), $value);)*
                $($($crate::xml::escape::attr(out, $attr_name, &self.$attr);)*)?
                $crate::xml::escape::raw(out, ">");
            }

            /// Appends the children in the order of the schema.
            pub(super) fn write_children(&self, out: &mut Vec<u8>) {
                $($crate::record::put!($kind, $ty, &self.$field, out, $element);)*
            }
        }

        impl $crate::record::Component for $name {
            // Outermost attributes: those of the wrapper when there is one.
            const FIXED: &'static [(&'static str, &'static str)] = match $crate::record::inside!($($inner)?) {
                Some(_) => &[$($((stringify!($outer), $outer_value),)*)?],
                None => &[$((stringify!($fixed), $value),)*],
            };

            fn read(
                element: $crate::xml::Element<'_, '_>,
                at: &$crate::record::At<'_>,
            ) -> $crate::record::Result<Self> {
                $(
                    let element = $crate::record::only(element, $namespace, $inner, at)?;
                    let inner = at.child($inner, 0);
                    let at = &inner;
                )?
                $(let mut $field: $crate::record::slot_type!($kind $ty) = Default::default();)*
                for child in $crate::record::children(element, $namespace) {
                    match child.local_name() {
                        $($element => $crate::record::take!($kind, &mut $field, child, $element, at)?,)*
                        name => $crate::record::unknown!($mode, name, at),
                    }
                }
                Ok(Self {
                    $($($attr: $crate::record::attribute(element, $attr_name, at)?
                        .unwrap_or_else(|| $default.to_owned()),)*)?
                    $($field: $crate::record::finish!($kind, $field, $element, at),)*
                })
            }

            fn write(&self, out: &mut Vec<u8>, name: &str) {
                if let Some(inner) = $crate::record::inside!($($inner)?) {
                    $crate::record::open(out, name);
                    $($($crate::xml::escape::attr(out, stringify!($outer), $outer_value);)*)?
                    $crate::xml::escape::raw(out, ">");
                    self.write_sequence(out, inner);
                    $crate::record::close(out, name);
                } else {
                    self.write_sequence(out, name);
                }
            }
        }
    };
}

/// An enumeration of codes, in `@code` (`code`) or as text (`text`).
macro_rules! codes {
    (
        $form:ident;
        $(#[$meta:meta])*
        pub enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $code:literal,)* }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_meta])* $variant,)* }

        impl $name {
            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What a code on the wire means.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }

        $crate::record::codes!(@$form $name);
    };
    (@text $name:ident) => {
        impl $crate::record::Component for $name {
            fn read(
                element: $crate::xml::Element<'_, '_>,
                at: &$crate::record::At<'_>,
            ) -> $crate::record::Result<Self> {
                let text = $crate::record::text(element, at)?;
                Self::from_code(&text).ok_or_else(|| at.error($crate::MessageErrorKind::InvalidValue(stringify!($name))))
            }

            fn write(&self, out: &mut Vec<u8>, name: &str) {
                $crate::xml::escape::element(out, name, self.as_str());
            }
        }
    };
    (@code $name:ident) => {
        impl $crate::record::Component for $name {
            fn read(
                element: $crate::xml::Element<'_, '_>,
                at: &$crate::record::At<'_>,
            ) -> $crate::record::Result<Self> {
                let code = element.attr("code").ok_or_else(|| at.error($crate::MessageErrorKind::MissingAttribute("code")))?;
                Self::from_code(code.trim())
                    .ok_or_else(|| at.error($crate::MessageErrorKind::InvalidValue(stringify!($name))))
            }

            fn write(&self, out: &mut Vec<u8>, name: &str) {
                $crate::record::open(out, name);
                $crate::xml::escape::attr(out, "code", self.as_str());
                $crate::xml::escape::raw(out, "/>");
            }
        }
    };
}

/// The type of a field.
macro_rules! field_type {
    (one $ty:ty) => { $ty };
    (opt $ty:ty) => { Option<$ty> };
    (nillable $ty:ty) => { Option<$ty> };
    ($repeated:ident $ty:ty) => { Vec<$ty> };
}

/// What a field is gathered in.
macro_rules! slot_type {
    (one $ty:ty) => { Option<$ty> };
    (opt $ty:ty) => { Option<$ty> };
    (nillable $ty:ty) => { Option<$ty> };
    ($repeated:ident $ty:ty) => { Vec<$ty> };
}

/// Takes a child into its field.
macro_rules! take {
    (one, $slot:expr, $child:expr, $name:expr, $at:expr) => {
        $crate::record::take_one($slot, $child, $name, $at)
    };
    (opt, $slot:expr, $child:expr, $name:expr, $at:expr) => {
        $crate::record::take_one($slot, $child, $name, $at)
    };
    (nillable, $slot:expr, $child:expr, $name:expr, $at:expr) => {
        $crate::record::take_one($slot, $child, $name, $at)
    };
    ($repeated:ident, $slot:expr, $child:expr, $name:expr, $at:expr) => {
        $crate::record::take_many($slot, $child, $name, $at)
    };
}

/// The field once all children are seen.
macro_rules! finish {
    (one, $slot:expr, $name:expr, $at:expr) => {
        $slot.ok_or_else(|| $at.error($crate::MessageErrorKind::MissingElement($name)))?
    };
    (some, $slot:expr, $name:expr, $at:expr) => {{
        if $slot.is_empty() {
            return Err($at.error($crate::MessageErrorKind::MissingElement($name)));
        }
        $slot
    }};
    ($kind:ident, $slot:expr, $name:expr, $at:expr) => {
        $slot
    };
}

/// Appends a field.
macro_rules! put {
    (one, $ty:ty, $field:expr, $out:expr, $name:expr) => {
        $crate::record::Component::write($field, $out, $name)
    };
    (nilled, $ty:ty, $field:expr, $out:expr, $name:expr) => {
        $crate::record::write_or_nil($field.iter(), $out, $name)
    };
    (nillable, $ty:ty, $field:expr, $out:expr, $name:expr) => {
        $crate::record::write_or_nil($field.iter(), $out, $name)
    };
    ($kind:ident, $ty:ty, $field:expr, $out:expr, $name:expr) => {
        // An option and a list are both walked.
        $field.iter().for_each(|one| $crate::record::Component::write(one, $out, $name))
    };
}

/// The child whose sequence it is, if any.
macro_rules! inside {
    () => {
        None::<&'static str>
    };
    ($inner:literal) => {
        Some($inner)
    };
}

/// What becomes of a child that is not named.
macro_rules! unknown {
    (lenient, $name:expr, $at:expr) => {{
        let _ = $name;
    }};
    // The infrastructure that any HL7 v3 class may carry (`InfrastructureRootElements`) says nothing here.
    (strict, $name:expr, $at:expr) => {
        if !matches!($name, "realmCode" | "typeId" | "templateId") {
            return Err($at.child("*", 0).error($crate::MessageErrorKind::UnexpectedElement));
        }
    };
}

pub(crate) use {codes, field_type, finish, inside, put, record, slot_type, take, unknown};
