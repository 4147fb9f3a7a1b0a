//! The pickle machine, as far as a state dict needs one.
//!
//! The opcodes are those of CPython's `pickletools`, protocols 2 to 5. Values stand in one table and
//! refer to each other by their place in it: whatever a file builds, nothing is copied or dropped by
//! recursion, and there are no more values than [`MAX_VALUES`].

use std::collections::HashMap;
use std::io::Read;
use std::rc::Rc;

use anyhow::{Context, Result, bail};

use super::globals::{self, Global};
use super::input::Input;
use super::view::{Storage, View};

/// Most values of a pickle, and most places of its stack and its memo. A tensor takes about 20.
const MAX_VALUES: usize = 1 << 20;

/// The newest protocol there is.
const MAX_PROTOCOL: u8 = 5;

/// A place in the table of values.
pub(super) type Id = u32;

/// What a pickle can build.
#[derive(Debug)]
pub(super) enum Value {
    None,
    Bool,
    /// PyTorch's magic number has 80 bits.
    Int(i128),
    Float,
    Text(String),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    /// A dict or an OrderedDict; a key may stand twice.
    Dict(Vec<(Id, Id)>),
    Global(Global),
    Storage(Rc<Storage>),
    Tensor(Box<View>),
}

impl Value {
    /// For messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Bool => "a bool",
            Self::Int(_) => "an int",
            Self::Float => "a float",
            Self::Text(_) => "a string",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Global(_) => "a class or function",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }
}

/// What a pickle has built.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Runs one pickle to its end.
    ///
    /// # Errors
    /// Names the byte of the file and the opcode where it is cut off, is none, or does what no state
    /// dict needs.
    pub(super) fn read<R: Read>(input: &mut Input<R>) -> Result<Self> {
        let mut machine = Machine::default();
        loop {
            let at = input.position();
            let opcode = input.byte().with_context(|| format!("byte {at}"))?;
            let root = machine.step(opcode, input);
            let root = root.with_context(|| format!("byte {at}, opcode {opcode:#04x}"))?;
            if let Some(root) = root {
                return Ok(Self {
                    values: machine.values,
                    root,
                });
            }
        }
    }

    pub(super) fn root(&self) -> &Value {
        self.get(self.root)
    }

    pub(super) fn get(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }
}

#[derive(Default)]
struct Machine {
    values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at its marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// Elements that were copied from one value into another.
    copied: usize,
}

impl Machine {
    /// Does what the opcode says; returns the result at the end.
    fn step<R: Read>(&mut self, opcode: u8, input: &mut Input<R>) -> Result<Option<Id>> {
        let number = |bytes: [u8; 4]| u32::from_le_bytes(bytes);
        match opcode {
            // PROTO
            0x80 => {
                let protocol = input.byte()?;
                if protocol > MAX_PROTOCOL {
                    bail!("protocol {protocol}, which is newer than {MAX_PROTOCOL}");
                }
            }
            // FRAME, which tells how much can be read at once.
            0x95 => drop(input.array::<8>()?),
            // STOP
            b'.' => return self.pop().map(Some),
            // MARK
            b'(' => {
                if self.marks.len() == MAX_VALUES {
                    bail!("more than {MAX_VALUES} marks");
                }
                self.marks.push(self.stack.len());
            }

            // BINPUT, LONG_BINPUT, MEMOIZE
            b'q' => self.memoize(input.byte()?.into())?,
            b'r' => self.memoize(number(input.array()?))?,
            0x94 => self.memoize(u32::try_from(self.memo.len())?)?,
            // BINGET, LONG_BINGET
            b'h' => self.recall(input.byte()?.into())?,
            b'j' => self.recall(number(input.array()?))?,

            // NONE, NEWTRUE, NEWFALSE
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool)?,
            0x89 => self.push(Value::Bool)?,
            // BININT, BININT1, BININT2, LONG1, BINFLOAT
            b'J' => self.push(Value::Int(i32::from_le_bytes(input.array()?).into()))?,
            b'K' => self.push(Value::Int(input.byte()?.into()))?,
            b'M' => self.push(Value::Int(u16::from_le_bytes(input.array()?).into()))?,
            0x8a => {
                let length = input.byte()?;
                let bytes = input.bytes(length.into())?;
                self.push(Value::Int(long(&bytes)?))?;
            }
            b'G' => {
                input.array::<8>()?;
                self.push(Value::Float)?;
            }
            // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8; SHORT_BINSTRING and BINSTRING of Python 2
            0x8c | b'U' => {
                let length = input.byte()?;
                self.text(length.into(), input)?;
            }
            b'X' | b'T' => {
                let length = number(input.array()?);
                self.text(length.into(), input)?;
            }
            0x8d => {
                let length = u64::from_le_bytes(input.array()?);
                self.text(length, input)?;
            }

            // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
            b')' => self.push(Value::Tuple(Vec::new()))?,
            0x85..=0x87 => {
                let mut items = Vec::from([0; 3]);
                items.truncate(usize::from(opcode - 0x84));
                for item in items.iter_mut().rev() {
                    *item = self.pop()?;
                }
                self.push(Value::Tuple(items))?;
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push(Value::Tuple(items))?;
            }
            // EMPTY_LIST, EMPTY_DICT
            b']' => self.push(Value::List(Vec::new()))?,
            b'}' => self.push(Value::Dict(Vec::new()))?,
            // APPEND, APPENDS
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(&items)?;
            }
            // SETITEM, SETITEMS
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set(&items)?;
            }

            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let global = Global::find(&input.line()?, &input.line()?)?;
                self.push(Value::Global(global))?;
            }
            0x93 => {
                let name = self.pop()?;
                let module = self.pop()?;
                let (Value::Text(module), Value::Text(name)) = (self.get(module), self.get(name))
                else {
                    bail!("a class or function without a name");
                };
                let global = Global::find(module, name)?;
                self.push(Value::Global(global))?;
            }
            // REDUCE
            b'R' => {
                let arguments = self.pop()?;
                let function = self.pop()?;
                self.call(function, arguments)?;
            }
            // BUILD: all that a state dict has beside its tensors are version numbers.
            b'b' => {
                self.pop()?;
                let object = self.top()?;
                if !matches!(self.get(object), Value::Dict(_)) {
                    bail!("attributes for {}", self.get(object).kind());
                }
            }
            // BINPERSID
            b'Q' => {
                let id = self.pop()?;
                let storage = globals::storage(&self.values, id)?;
                self.push(Value::Storage(Rc::new(storage)))?;
            }
            _ => bail!("no state dict needs this opcode; {}", super::ADVICE),
        }
        Ok(None)
    }

    fn get(&self, id: Id) -> &Value {
        &self.values[id as usize]
    }

    fn push(&mut self, value: Value) -> Result<()> {
        if self.values.len() == MAX_VALUES {
            bail!("more than {MAX_VALUES} values");
        }
        let id = Id::try_from(self.values.len())?;
        self.values.push(value);
        self.push_id(id)
    }

    fn push_id(&mut self, id: Id) -> Result<()> {
        if self.stack.len() == MAX_VALUES {
            bail!("more than {MAX_VALUES} values on the stack");
        }
        self.stack.push(id);
        Ok(())
    }

    fn text<R: Read>(&mut self, length: u64, input: &mut Input<R>) -> Result<()> {
        let text = String::from_utf8(input.bytes(length)?);
        self.push(Value::Text(text.context("a string that is no UTF-8")?))
    }

    /// The place of the stack below which nothing can be taken before the mark is.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Result<Id> {
        let above = &self.stack[self.floor()..];
        above.last().copied().context("the stack is empty")
    }

    fn pop(&mut self) -> Result<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>> {
        let mark = self.marks.pop().context("there is no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn memoize(&mut self, key: u32) -> Result<()> {
        if self.memo.len() == MAX_VALUES {
            bail!("more than {MAX_VALUES} values in the memo");
        }
        self.memo.insert(key, self.top()?);
        Ok(())
    }

    fn recall(&mut self, key: u32) -> Result<()> {
        let id = self.memo.get(&key).copied();
        self.push_id(id.with_context(|| format!("the memo has no {key}"))?)
    }

    fn append(&mut self, items: &[Id]) -> Result<()> {
        let list = self.top()?;
        match &mut self.values[list as usize] {
            Value::List(list) => list.extend_from_slice(items),
            other => bail!("items for {}", other.kind()),
        }
        Ok(())
    }

    /// `items` are keys and values in turn.
    fn set(&mut self, items: &[Id]) -> Result<()> {
        let (pairs, rest) = items.as_chunks::<2>();
        if !rest.is_empty() {
            bail!("a key without a value");
        }
        let dict = self.top()?;
        match &mut self.values[dict as usize] {
            Value::Dict(dict) => dict.extend(pairs.iter().map(|&[key, value]| (key, value))),
            other => bail!("keys and values for {}", other.kind()),
        }
        Ok(())
    }

    fn call(&mut self, function: Id, arguments: Id) -> Result<()> {
        let (Value::Global(function), Value::Tuple(arguments)) =
            (self.get(function), self.get(arguments))
        else {
            bail!("a call of {}", self.get(function).kind());
        };
        match (function, arguments.as_slice()) {
            (Global::OrderedDict, []) => self.push(Value::Dict(Vec::new())),
            // Python 2 hands over all items in a list.
            (Global::OrderedDict, &[items]) => {
                let pairs = globals::pairs(&self.values, items)?;
                self.copied += pairs.len();
                if self.copied > MAX_VALUES {
                    bail!("dicts of more than {MAX_VALUES} items");
                }
                self.push(Value::Dict(pairs))
            }
            (Global::RebuildTensor, arguments) => {
                let view = globals::tensor(&self.values, arguments)?;
                self.push(Value::Tensor(Box::new(view)))
            }
            (Global::RebuildParameter, &[tensor, ..]) => {
                let kind = self.get(tensor).kind();
                if !matches!(self.get(tensor), Value::Tensor(_)) {
                    bail!("a parameter made of {kind}");
                }
                self.push_id(tensor)
            }
            (function, arguments) => {
                bail!("{function:?} is called with {} values", arguments.len())
            }
        }
    }
}

/// A LONG: little-endian two's complement of any length.
fn long(bytes: &[u8]) -> Result<i128> {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut whole = if negative { [0xff; 16] } else { [0; 16] };
    let part = whole.get_mut(..bytes.len());
    part.context("an int of more than 128 bits")?
        .copy_from_slice(bytes);
    Ok(i128::from_le_bytes(whole))
}
