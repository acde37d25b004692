import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { ELEMENT_CODE } from './model.ts';
import type { Attribute, Body, Initializer, Model, ModelNode, Port } from './model.ts';

const IR_VERSION = 9;
const OPSET_VERSION = 18;
const MICROSOFT_DOMAINS = ['com.microsoft', 'com.microsoft.nchwc'];

/** Serialises a graph as an ONNX ModelProto. Field numbers are those of onnx.proto. */
export function encodeModel(model: Model): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int64(IR_VERSION);
  message(writer, 7, () => writeGraph(writer, 'step', model));
  writeOpset(writer, '', OPSET_VERSION);
  for (const domain of MICROSOFT_DOMAINS) writeOpset(writer, domain, 1);
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, name: string, graph: Body | Model): void {
  for (const node of graph.nodes) message(writer, 1, () => writeNode(writer, node));
  text(writer, 2, name);
  if ('initializers' in graph) {
    for (const item of graph.initializers) message(writer, 5, () => writeTensor(writer, item));
  }
  for (const port of graph.inputs) message(writer, 11, () => writePort(writer, port));
  for (const port of graph.outputs) message(writer, 12, () => writePort(writer, port));
}

function writeNode(writer: BinaryWriter, node: ModelNode): void {
  for (const input of node.inputs) text(writer, 1, input);
  for (const output of node.outputs) text(writer, 2, output);
  text(writer, 4, node.type);
  for (const [name, value] of Object.entries(node.attributes)) {
    message(writer, 5, () => writeAttribute(writer, name, value));
  }
  if (node.domain !== '') text(writer, 7, node.domain);
}

const ATTRIBUTE_FLOAT = 1;
const ATTRIBUTE_INT = 2;
const ATTRIBUTE_STRING = 3;
const ATTRIBUTE_GRAPH = 5;
const ATTRIBUTE_INTS = 7;

function writeAttribute(writer: BinaryWriter, name: string, value: Attribute): void {
  text(writer, 1, name);
  if (typeof value === 'number') {
    writer.tag(3, WireType.Varint).int64(value);
    kind(writer, ATTRIBUTE_INT);
  } else if (typeof value === 'string') {
    text(writer, 4, value);
    kind(writer, ATTRIBUTE_STRING);
  } else if ('float' in value) {
    writer.tag(2, WireType.Bit32).float(value.float);
    kind(writer, ATTRIBUTE_FLOAT);
  } else if ('body' in value) {
    message(writer, 6, () => writeGraph(writer, name, value.body));
    kind(writer, ATTRIBUTE_GRAPH);
  } else {
    for (const item of value) writer.tag(8, WireType.Varint).int64(item);
    kind(writer, ATTRIBUTE_INTS);
  }
}

function kind(writer: BinaryWriter, code: number): void {
  writer.tag(20, WireType.Varint).int32(code);
}

function writeTensor(writer: BinaryWriter, tensor: Initializer): void {
  for (const size of tensor.shape) writer.tag(1, WireType.Varint).int64(size);
  writer.tag(2, WireType.Varint).int32(ELEMENT_CODE[tensor.type]);
  text(writer, 8, tensor.name);
  writer.tag(9, WireType.LengthDelimited).bytes(tensor.bytes);
}

function writePort(writer: BinaryWriter, port: Port): void {
  text(writer, 1, port.name);
  message(writer, 2, () => {
    message(writer, 1, () => {
      writer.tag(1, WireType.Varint).int32(ELEMENT_CODE[port.type]);
      message(writer, 2, () => {
        for (const size of port.shape) {
          message(writer, 1, () => {
            if (size >= 0) writer.tag(1, WireType.Varint).int64(size);
          });
        }
      });
    });
  });
}

function writeOpset(writer: BinaryWriter, domain: string, version: number): void {
  message(writer, 8, () => {
    text(writer, 1, domain);
    writer.tag(2, WireType.Varint).int64(version);
  });
}

function message(writer: BinaryWriter, field: number, body: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  body();
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}
