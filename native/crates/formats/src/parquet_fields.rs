//! The fields of a Parquet file's structures, with the types that they must have.
//!
//! The library takes a field that it knows for one of the right type, whatever the file says of it; what follows would then be read from another
//! place than the one at which it was looked at. (parquet.thrift:
//! <https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift>, where names and numbers are from.)

/// The fields of a structure that are known, by their numbers.
pub(crate) type Fields = &'static [(i64, Holds)];

/// What a field holds.
#[derive(Clone, Copy)]
pub(crate) enum Holds {
    /// A value of one of the protocol's types.
    One(u8),
    /// A list of such values.
    Many(u8),
    Struct(Fields),
    Structs(Fields),
}

use Holds::{Many, One, Struct, Structs};

impl Holds {
    /// Whether the field is of this type. A flag's value is in its type.
    pub(crate) fn is(self, kind: u8) -> bool {
        match self {
            One(1) => kind == 1 || kind == 2,
            One(wanted) => kind == wanted,
            Struct(_) => kind == 12,
            Many(_) | Structs(_) => kind == 9,
        }
    }

    /// The type of the elements, if it is a list.
    pub(crate) fn element(self) -> Option<u8> {
        match self {
            Many(kind) => Some(kind),
            Structs(_) => Some(12),
            One(_) | Struct(_) => None,
        }
    }

    /// The fields of the structures in it.
    pub(crate) fn fields(self) -> Fields {
        match self {
            Struct(fields) | Structs(fields) => fields,
            One(_) | Many(_) => &[],
        }
    }
}

const FLAG: Holds = One(1);
const BYTE: Holds = One(3);
const SHORT: Holds = One(4);
const INT: Holds = One(5);
const LONG: Holds = One(6);
const REAL: Holds = One(7);
const BYTES: Holds = One(8);
const EMPTY: Holds = Struct(&[]);

/// PageHeader, before each page.
pub(crate) const PAGE: Fields = &[
    (1, INT),
    (2, INT),
    (3, INT),
    (4, INT),
    (
        5, // DataPageHeader
        Struct(&[(1, INT), (2, INT), (3, INT), (4, INT), (5, STATISTICS)]),
    ),
    (6, EMPTY),
    (7, Struct(&[(1, INT), (2, INT), (3, FLAG)])), // DictionaryPageHeader
    (
        8, // DataPageHeaderV2
        Struct(&[
            (1, INT),
            (2, INT),
            (3, INT),
            (4, INT),
            (5, INT),
            (6, INT),
            (7, FLAG),
            (8, STATISTICS),
        ]),
    ),
];

/// FileMetaData, the footer. Encrypted files are not read: what describes them is passed over.
pub(crate) const FILE: Fields = &[
    (1, INT),
    (2, Structs(SCHEMA_ELEMENT)),
    (3, LONG),
    (4, Structs(ROW_GROUP)),
    (5, Structs(KEY_VALUE)),
    (6, BYTES),
    (7, Structs(&[(1, EMPTY), (2, EMPTY)])), // ColumnOrder
];

const STATISTICS: Holds = Struct(&[
    (1, BYTES),
    (2, BYTES),
    (3, LONG),
    (4, LONG),
    (5, BYTES),
    (6, BYTES),
    (7, FLAG),
    (8, FLAG),
    (9, LONG),
]);

const KEY_VALUE: Fields = &[(1, BYTES), (2, BYTES)];

const SCHEMA_ELEMENT: Fields = &[
    (1, INT),
    (2, INT),
    (3, INT),
    (4, BYTES),
    (5, INT),
    (6, INT),
    (7, INT),
    (8, INT),
    (9, INT),
    (10, Struct(LOGICAL_TYPE)),
];

/// A union: one of these.
const LOGICAL_TYPE: Fields = &[
    (1, EMPTY),
    (2, EMPTY),
    (3, EMPTY),
    (4, EMPTY),
    (5, Struct(&[(1, INT), (2, INT)])), // DecimalType
    (6, EMPTY),
    (7, TIME),
    (8, TIME),
    (10, Struct(&[(1, BYTE), (2, FLAG)])), // IntType
    (11, EMPTY),
    (12, EMPTY),
    (13, EMPTY),
    (14, EMPTY),
    (15, EMPTY),
    (16, Struct(&[(1, BYTE)])),            // VariantType
    (17, Struct(&[(1, BYTES)])),           // GeometryType
    (18, Struct(&[(1, BYTES), (2, INT)])), // GeographyType
];

/// TimeType and TimestampType.
const TIME: Holds = Struct(&[
    (1, FLAG),
    (2, Struct(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)])),
]);

const ROW_GROUP: Fields = &[
    (1, Structs(COLUMN_CHUNK)),
    (2, LONG),
    (3, LONG),
    (4, Structs(&[(1, INT), (2, FLAG), (3, FLAG)])), // SortingColumn
    (5, LONG),
    (6, LONG),
    (7, SHORT),
];

const COLUMN_CHUNK: Fields = &[
    (1, BYTES),
    (2, LONG),
    (3, Struct(COLUMN_META_DATA)),
    (4, LONG),
    (5, INT),
    (6, LONG),
    (7, INT),
];

const COLUMN_META_DATA: Fields = &[
    (1, INT),
    (2, Many(5)),
    (3, Many(8)),
    (4, INT),
    (5, LONG),
    (6, LONG),
    (7, LONG),
    (8, Structs(KEY_VALUE)),
    (9, LONG),
    (10, LONG),
    (11, LONG),
    (12, STATISTICS),
    (13, Structs(&[(1, INT), (2, INT), (3, INT)])), // PageEncodingStats
    (14, LONG),
    (15, INT),
    (16, Struct(&[(1, LONG), (2, Many(6)), (3, Many(6))])), // SizeStatistics
    (17, Struct(&[(1, Struct(BOUNDING_BOX)), (2, Many(5))])), // GeospatialStatistics
];

const BOUNDING_BOX: Fields = &[
    (1, REAL),
    (2, REAL),
    (3, REAL),
    (4, REAL),
    (5, REAL),
    (6, REAL),
    (7, REAL),
    (8, REAL),
];
