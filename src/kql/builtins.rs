//! The functions, aggregates, plug-ins and operators built into the language, read once from
//! `assets/kql/builtins.txt` (whose head describes the format).

use std::collections::HashMap;
use std::sync::OnceLock;

use super::bound::Column;
use super::columns::Columns;
use super::types::Type;

/// What a built-in is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A scalar function.
    Function,
    /// An aggregate.
    Aggregate,
    /// A plug-in of `evaluate`.
    PlugIn,
    /// An operator between operands.
    Operator,
}

/// How a column is named that holds a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// Not after the call.
    None,
    /// As its first argument.
    FirstArgument,
    /// As its first argument's value, if that is a column.
    FirstArgumentValueIfColumn,
    /// Prefix, `_`, first argument.
    PrefixAndFirstArgument,
    /// The function's name, `_`, first argument.
    NameAndFirstArgument,
    /// The prefix.
    PrefixOnly,
    /// As its only argument.
    OnlyArgument,
}

/// What a signature returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Returns {
    /// This type.
    Type(Type),
    /// The type of an argument.
    Parameter(usize),
    /// `int` widened to `long`.
    Parameter0Promoted,
    /// The type named by the last argument (`typeof(..)`).
    NamedType,
    /// The common type of the arguments of common kind.
    Common,
    /// The same, dynamic arguments aside where others exist.
    CommonNonDynamic,
    /// The widest number, at least `long`.
    Widest,
    /// A table of these columns.
    Table(Columns),
    /// A table put together from the arguments.
    Shape(Vec<ShapePart>),
    /// Known to the binder by the function's name.
    Custom,
    /// A database, cluster or graph: nothing is known of it.
    Open,
}

/// Some columns of what a plug-in gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShapePart {
    /// All columns of the rows it is given.
    Row,
    /// The columns that the arguments of a parameter name.
    Argument(&'static str),
    /// A column of its own.
    Column(Column),
}

/// What an argument must be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are the rules of the language service"
)]
pub enum ParamKind {
    Any,
    Types(Vec<Type>),
    Scalar,
    Number,
    NumberOrBool,
    Integer,
    IntegerOrArray,
    StringOrDynamic,
    StringOrArray,
    DynamicArray,
    DynamicBag,
    NotDynamic,
    NotBool,
    NotRealOrBool,
    Summable,
    Orderable,
    Tabular,
    CommonScalar,
    CommonScalarOrDynamic,
    CommonOrderable,
    Parameter(usize),
}

/// What form an argument must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the names are the rules of the language service"
)]
pub enum ArgumentForm {
    Any,
    Column,
    ColumnOfFirst,
    CommonColumnOfFirst,
    ElementOfFirst,
    Constant,
    Literal,
    LiteralNotEmpty,
    StarOnly,
    StarAllowed,
    Aggregate,
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Name.
    pub name: &'static str,
    /// Kind.
    pub kind: ParamKind,
    /// Form.
    pub form: ArgumentForm,
    /// Must stand at least so often.
    pub min: usize,
    /// May stand at most so often.
    pub max: usize,
    /// Literals allowed.
    pub values: Vec<&'static str>,
    /// `"~"` may stand for the default.
    pub tilde: bool,
}

/// One way to call a built-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// What it returns.
    pub returns: Returns,
    /// Its parameters.
    pub params: Vec<Param>,
}

impl Signature {
    /// Fewest arguments.
    pub fn min(&self) -> usize {
        self.params.iter().map(|p| p.min).sum()
    }

    /// Most arguments.
    pub fn max(&self) -> usize {
        self.params
            .iter()
            .map(|p| p.max)
            .fold(0, usize::saturating_add)
    }

    /// Some parameter may repeat.
    pub fn repeats(&self) -> bool {
        self.params.iter().any(|p| p.max > 1)
    }

    /// Which parameter each of `count` arguments belongs to. Repeating parameters stand side by side and
    /// repeat together (`case`, `bag_pack`); what is left goes to those after them.
    /// `literal_last` says that the last argument is a bool literal.
    pub fn layout(&self, count: usize, literal_last: bool) -> Vec<Option<usize>> {
        let Some(first) = self.params.iter().position(|p| p.max > 1) else {
            return (0..count)
                .map(|i| (i < self.params.len()).then_some(i))
                .collect();
        };
        let block = self.params[first..]
            .iter()
            .take_while(|p| p.max > 1)
            .count();
        let after = first + block;
        let mut trailing: usize = self.params[after..].iter().filter(|p| p.min > 0).count();
        if trailing == 0 && literal_last && after < self.params.len() {
            trailing = 1;
        }
        let middle = count.saturating_sub(first + trailing);
        (0..count)
            .map(|i| {
                if i < first {
                    Some(i)
                } else if i < first + middle {
                    Some(first + (i - first) % block)
                } else {
                    Some(after + (i - first - middle)).filter(|p| *p < self.params.len())
                }
            })
            .collect()
    }

    /// May it take so many arguments?
    pub fn takes(&self, count: usize) -> bool {
        if count < self.min() || count > self.max() {
            return false;
        }
        let repeating = self.params.iter().filter(|p| p.max > 1).count();
        if repeating < 2 {
            return true;
        }
        let others = self
            .params
            .iter()
            .filter(|p| p.max == 1 && p.min == 1)
            .count();
        (count - others).is_multiple_of(repeating)
    }
}

/// A built-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// How its results are named.
    pub naming: Naming,
    /// The prefix of that name.
    pub prefix: Option<&'static str>,
    /// Not offered in completion.
    pub hidden: bool,
    /// Use this one instead.
    pub obsolete: Option<&'static str>,
    /// Constant where its arguments are.
    pub constant: bool,
    /// Ways to call it.
    pub signatures: Vec<Signature>,
}

/// All built-ins.
#[derive(Debug, Default)]
pub struct Builtins {
    all: Vec<Builtin>,
    by_name: HashMap<(Kind, &'static str), usize>,
}

/// The built-ins of the language.
pub fn builtins() -> &'static Builtins {
    static ALL: OnceLock<Builtins> = OnceLock::new();
    ALL.get_or_init(|| read(include_str!("../../assets/kql/builtins.txt")))
}

impl Builtins {
    /// The one of this kind and name.
    pub fn get(&self, kind: Kind, name: &str) -> Option<&Builtin> {
        self.by_name.get(&(kind, name)).map(|&i| &self.all[i])
    }

    /// All of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Builtin> {
        self.all.iter().filter(move |b| b.kind == kind)
    }
}

/// The spelling that plans and engines need to know; second and obsolete spellings lead here.
pub fn canonical(name: &'static str) -> &'static str {
    match name {
        "todynamic" | "toobject" | "parsejson" => "parse_json",
        "iif" => "iff",
        "notempty" => "isnotempty",
        "notnull" => "isnotnull",
        "todouble" => "toreal",
        "totime" => "totimespan",
        "toboolean" => "tobool",
        "getmonth" => "monthofyear",
        "floor" => "bin",
        "pack" | "pack_dictionary" => "bag_pack",
        "array_iif" => "array_iff",
        "makeset" => "make_set",
        "makelist" => "make_list",
        "make_dictionary" => "make_bag",
        "any" => "take_any",
        "anyif" => "take_anyif",
        "argmax" => "arg_max",
        "argmin" => "arg_min",
        "cnt" => "count",
        "arraylength" => "array_length",
        "extractall" => "extract_all",
        "extractjson" => "extract_json",
        "parseurl" => "parse_url",
        "parseurlquery" => "parse_urlquery",
        "weekofyear" => "week_of_year",
        "datepart" => "datetime_part",
        "columnifexists" => "column_ifexists",
        "base64_decodestring" => "base64_decode_tostring",
        "base64_encodestring" => "base64_encode_tostring",
        other => other,
    }
}

/// The canonical name of a built-in.
pub fn canonical_name(builtin: &Builtin) -> &'static str {
    canonical(builtin.name)
}

fn read(text: &'static str) -> Builtins {
    let mut builtins = Builtins::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let kind = match words.next() {
            Some("F") => Kind::Function,
            Some("A") => Kind::Aggregate,
            Some("P") => Kind::PlugIn,
            Some("O") => Kind::Operator,
            Some("S") => {
                if let Some(builtin) = builtins.all.last_mut() {
                    builtin.signatures.push(signature(words));
                }
                continue;
            }
            _ => continue,
        };
        let Some(name) = words.next() else { continue };
        let mut builtin = Builtin {
            name,
            kind,
            naming: Naming::None,
            prefix: None,
            hidden: false,
            obsolete: None,
            constant: false,
            signatures: Vec::new(),
        };
        for word in words {
            match word {
                "hidden" => builtin.hidden = true,
                "const" => builtin.constant = true,
                "FirstArgument" => builtin.naming = Naming::FirstArgument,
                "FirstArgumentValueIfColumn" => builtin.naming = Naming::FirstArgumentValueIfColumn,
                "PrefixAndFirstArgument" => builtin.naming = Naming::PrefixAndFirstArgument,
                "NameAndFirstArgument" => builtin.naming = Naming::NameAndFirstArgument,
                "PrefixOnly" => builtin.naming = Naming::PrefixOnly,
                "OnlyArgument" => builtin.naming = Naming::OnlyArgument,
                _ => {
                    if let Some(prefix) = word.strip_prefix("prefix=") {
                        builtin.prefix = Some(prefix);
                    } else if let Some(other) = word.strip_prefix("obsolete=") {
                        builtin.obsolete = Some(other);
                    }
                }
            }
        }
        builtins.by_name.insert((kind, name), builtins.all.len());
        builtins.all.push(builtin);
    }
    builtins
}

fn signature<'a>(mut words: impl Iterator<Item = &'static str> + 'a) -> Signature {
    let returns = words.next().unwrap_or_default();
    let returns = match returns {
        "Parameter0" => Returns::Parameter(0),
        "Parameter1" => Returns::Parameter(1),
        "Parameter0Promoted" => Returns::Parameter0Promoted,
        "Parameter0Array" => Returns::Type(Type::Dynamic),
        "Parameter0Literal" | "Parameter1Literal" | "ParameterNLiteral" => Returns::NamedType,
        "Common" => Returns::Common,
        "CommonNonDynamic" => Returns::CommonNonDynamic,
        "Widest" => Returns::Widest,
        "Custom" => Returns::Custom,
        _ => {
            if let Some(parts) = returns.strip_prefix("shape=") {
                Returns::Shape(parts.split(',').map(shape_part).collect())
            } else if let Some(columns) = returns.strip_prefix("table") {
                Returns::Table(
                    columns
                        .split(',')
                        .filter_map(|c| c.split_once(':'))
                        .map(|(name, ty)| {
                            Column::new(name, Type::from_name(ty).unwrap_or(Type::Unknown))
                        })
                        .collect(),
                )
            } else {
                Type::from_name(returns).map_or(Returns::Open, Returns::Type)
            }
        }
    };
    Signature {
        returns,
        params: words.map(param).collect(),
    }
}

fn shape_part(word: &'static str) -> ShapePart {
    match word.split_once(':') {
        Some((name, ty)) => ShapePart::Column(Column::new(
            name,
            Type::from_name(ty).unwrap_or(Type::Unknown),
        )),
        None if word == "*" => ShapePart::Row,
        None => ShapePart::Argument(word),
    }
}

fn param(word: &'static str) -> Param {
    let (word, values) = word
        .split_once('=')
        .map_or((word, Vec::new()), |(w, v)| (w, v.split(',').collect()));
    let mut parts = word.split(':');
    let name = parts.next().unwrap_or_default();
    let kind = parts.next().unwrap_or_default();
    let (kind, tilde) = kind.strip_suffix('~').map_or((kind, false), |k| (k, true));
    let mut param = Param {
        name,
        kind: param_kind(kind),
        form: ArgumentForm::Any,
        min: 1,
        max: 1,
        values,
        tilde,
    };
    for part in parts {
        if let Some((min, max)) = part.split_once('-') {
            param.min = min.parse().unwrap_or(1);
            param.max = max.parse().unwrap_or(usize::MAX / 1000);
        } else {
            param.form = match part {
                "Column" => ArgumentForm::Column,
                "Column_Parameter0" => ArgumentForm::ColumnOfFirst,
                "Column_Parameter0_Common" => ArgumentForm::CommonColumnOfFirst,
                "Expression_Parameter0_Element" => ArgumentForm::ElementOfFirst,
                "Constant" => ArgumentForm::Constant,
                "Literal" => ArgumentForm::Literal,
                "LiteralNotEmpty" => ArgumentForm::LiteralNotEmpty,
                "StarOnly" => ArgumentForm::StarOnly,
                "StarAllowed" => ArgumentForm::StarAllowed,
                "Aggregate" => ArgumentForm::Aggregate,
                _ => ArgumentForm::Any,
            };
        }
    }
    param
}

fn param_kind(word: &str) -> ParamKind {
    match word {
        "Scalar" => ParamKind::Scalar,
        "Number" => ParamKind::Number,
        "NumberOrBool" => ParamKind::NumberOrBool,
        "Integer" => ParamKind::Integer,
        "IntegerOrArray" => ParamKind::IntegerOrArray,
        "StringOrDynamic" => ParamKind::StringOrDynamic,
        "StringOrArray" => ParamKind::StringOrArray,
        "DynamicArray" => ParamKind::DynamicArray,
        "DynamicBag" => ParamKind::DynamicBag,
        "NotDynamic" => ParamKind::NotDynamic,
        "NotBool" => ParamKind::NotBool,
        "NotRealOrBool" => ParamKind::NotRealOrBool,
        "Summable" => ParamKind::Summable,
        "Orderable" => ParamKind::Orderable,
        "Tabular" => ParamKind::Tabular,
        "CommonScalar" => ParamKind::CommonScalar,
        "CommonScalarOrDynamic" => ParamKind::CommonScalarOrDynamic,
        "CommonOrderable" => ParamKind::CommonOrderable,
        "Parameter0" => ParamKind::Parameter(0),
        "Parameter1" => ParamKind::Parameter(1),
        _ => {
            let types: Vec<Type> = word
                .split('+')
                .filter_map(|t| {
                    if t == "type" {
                        Some(Type::TypeLiteral)
                    } else {
                        Type::from_name(t)
                    }
                })
                .collect();
            if types.is_empty() {
                ParamKind::Any
            } else {
                ParamKind::Types(types)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let all = builtins();
        let count = |k| all.of(k).count();
        assert_eq!((count(Kind::Function), count(Kind::Aggregate)), (429, 61));
        assert_eq!((count(Kind::PlugIn), count(Kind::Operator)), (47, 55));
        assert!(all.of(Kind::Function).all(|b| !b.signatures.is_empty()));
    }

    #[test]
    fn arguments_find_their_parameters() {
        let all = builtins();
        let layout = |kind, name: &str, n, literal| {
            all.get(kind, name)
                .map(|b| b.signatures[0].layout(n, literal))
                .unwrap_or_default()
        };
        assert_eq!(
            layout(Kind::Function, "case", 5, false),
            [0, 1, 0, 1, 2].map(Some)
        );
        assert_eq!(
            layout(Kind::Function, "bag_pack", 4, false),
            [0, 1, 0, 1].map(Some)
        );
        assert_eq!(
            layout(Kind::PlugIn, "ipv4_lookup", 4, true),
            [0, 1, 2, 4].map(Some)
        );
        assert_eq!(
            layout(Kind::PlugIn, "ipv4_lookup", 4, false),
            [0, 1, 2, 3].map(Some)
        );
        assert_eq!(layout(Kind::Function, "strlen", 2, false), [Some(0), None]);
        let case = &all.get(Kind::Function, "case").expect("case").signatures[0];
        assert!(case.takes(3) && case.takes(5) && !case.takes(4) && !case.takes(2));
    }
}
