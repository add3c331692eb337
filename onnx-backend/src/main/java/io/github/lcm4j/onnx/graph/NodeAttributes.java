package io.github.lcm4j.onnx.graph;

import ai.onnx.proto.OnnxMl.AttributeProto;
import ai.onnx.proto.OnnxMl.NodeProto;
import org.jspecify.annotations.Nullable;

/** A node's attributes by name. */
public final class NodeAttributes {
  private NodeAttributes() {}

  /** An attribute, or null. */
  public static @Nullable AttributeProto find(NodeProto node, String name) {
    for (AttributeProto attribute : node.getAttributeList()) {
      if (attribute.getName().equals(name)) {
        return attribute;
      }
    }
    return null;
  }

  /** An attribute's whole numbers. */
  public static long[] ints(NodeProto node, String name, long... ifAbsent) {
    AttributeProto found = find(node, name);
    return found == null
        ? ifAbsent
        : found.getIntsList().stream().mapToLong(Long::longValue).toArray();
  }

  /** An attribute's whole number. */
  public static long whole(NodeProto node, String name, long ifAbsent) {
    AttributeProto found = find(node, name);
    return found == null ? ifAbsent : found.getI();
  }

  /** An attribute's number. */
  public static float number(NodeProto node, String name, float ifAbsent) {
    AttributeProto found = find(node, name);
    return found == null ? ifAbsent : found.getF();
  }

  /** A norm's epsilon, 1e-5 as in ONNX where it has none. */
  static float epsilon(NodeProto norm) {
    return number(norm, "epsilon", 1e-5f);
  }
}
