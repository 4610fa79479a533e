import { speaker } from '../../i18n/words';

export const words = {
  address: ['地址', 'Address'],
  find: ['查地址', 'Find'],
  choose: ['{} 个可能的地址，请选一个', '{} addresses may be meant: choose one'],
  none: ['地址表里没有类似的地址', 'No address is like this one'],
  taken: ['按地址：{}', 'By the address {}'],
  alike: ['相似 {}', '{} alike'],
  exact: ['完全一致', 'this very address'],
  outside: ['外部地址服务', 'an outside service'],
  geocoder: ['外部地址服务没有帮上忙：{}', 'The outside service was of no help: {}'],
  zone: ['小区', 'quarter'],
  street: ['街巷', 'street'],
  plate: ['门牌', 'door'],
  poi: ['地点', 'place'],
} as const;

export const t = speaker(words);
